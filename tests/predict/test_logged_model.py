"""A logged model streams: in pieces it says what it says of the whole, to the last bit of float32."""

import json
import sys
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch
from mlflow.exceptions import MlflowException
from mlflow.pyfunc import scoring_server

from elman.predict.logged_model import log_streaming_model, start_of_sequence, stream_signature
from elman.predict.streaming_model import StreamingModel, find_builder
from elman.tracking.logger import RunLogger

B, T, F, O = 4, 7, 3, 2  # noqa: E741  rows, steps, features, outputs


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """The module as a user's own package would be found: by import path."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    yield
    sys.modules.pop("stand_in_model", None)


@pytest.fixture
def module(stand_in):
    import stand_in_model

    torch.manual_seed(0)
    return stand_in_model.build({"features": F, "values": O})


@pytest.fixture
def logged(module, uri):
    """A finished run with one model; the id of the model."""
    logger = RunLogger(system_metrics=False)
    logger.log_metrics({"val/loss": 0.5}, step=30)
    log_streaming_model(
        logger,
        builder="stand_in_model:build",
        description={"features": F, "values": O},
        state_dict=module.state_dict(),
        example_input=torch.zeros(1, 1, F),
        step=30,
        metrics={"val/loss": 0.5, "val/bits": 0.7},
    )
    model_id = model_of(logger)
    status = logger.experiment.get_run(logger.run_id).info.status
    logger.close()
    return model_id, logger.run_id, status


def model_of(logger):
    """The id of the run's model, once the store has it."""
    assert logger.deliver()
    (found,) = logger.experiment.search_logged_models([logger.experiment_id])
    return found.model_id


def load(model_id, client):
    return mlflow.pyfunc.load_model(client.get_logged_model(model_id).artifact_location)


def test_in_pieces_as_in_whole(logged, module, client):
    model = load(logged[0], client)
    x = torch.randn(B, T, F)
    with torch.no_grad():
        whole, end = module.predict(x, module.core.initial_carry(B))
    carries, pieces = start_of_sequence(model), []
    for piece in x.numpy()[:, :3], x.numpy()[:, 3:4], x.numpy()[:, 4:]:
        out = model.predict({"x": piece, **carries})
        pieces.append(out.pop("y"))
        carries = out
    np.testing.assert_allclose(np.concatenate(pieces, 1), whole.numpy(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(carries["carry_1"], end[1].numpy(), rtol=1e-6, atol=1e-7)


def test_a_carry_left_out_starts_the_sequence(logged, client):
    model = load(logged[0], client)
    x = np.ones((2, 3, F), np.float32)
    bare = model.unwrap_python_model().predict(None, {"x": x})
    np.testing.assert_array_equal(bare["y"], model.predict({"x": x, **start_of_sequence(model)})["y"])


def ask(model, **inputs):
    """What the server that MLflow starts does with a request's body."""
    body = json.dumps({"inputs": inputs})
    answer = scoring_server.invocations(body, "application/json", model, model.metadata.get_input_schema())
    assert answer.status == 200
    return json.loads(answer.response)["predictions"]


def test_through_json_as_in_memory(logged, module, client):
    """The first request's carries are empty, the others' come from the answer before."""
    model = load(logged[0], client)
    x = torch.randn(B, T, F)
    with torch.no_grad():
        whole, _ = module.predict(x, module.core.initial_carry(B))
    carries, pieces = {"carry_0": [[]], "carry_1": [[]]}, []
    for piece in x[:, :3], x[:, 3:4], x[:, 4:]:
        carries = ask(model, x=piece.tolist(), **carries)
        pieces.append(carries.pop("y"))
    np.testing.assert_allclose(np.concatenate(pieces, 1), whole.numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("pair", [False, True])
def test_a_context_begins_the_sequence(uri, client, pair):
    """It is read with the first piece; later ones leave it empty."""
    import stand_in_model

    module = stand_in_model.build_beginning({"features": F, "values": O})
    context = torch.randn(B, 5)
    given = {"context_0": context, "context_1": torch.arange(B)} if pair else {"context": context}
    logger = RunLogger(system_metrics=False)
    log_streaming_model(
        logger,
        builder="stand_in_model:build_beginning",
        description={"features": F, "values": O},
        state_dict=module.state_dict(),
        example_input=torch.zeros(1, 1, F),
        example_context=tuple(c[:1] for c in given.values()) if pair else context[:1],
        step=1,
        about={"outputs": ["no", "yes"]},
    )
    model = load(model_of(logger), client)
    logger.close()
    assert model.metadata.metadata == {"outputs": ["no", "yes"]}
    x = torch.randn(B, T, F)
    with torch.no_grad():
        whole, _ = module.predict(x, module.begins(tuple(given.values()) if pair else context))
    begun = {name: value.tolist() for name, value in given.items()}
    said = ask(model, x=x[:, :4].tolist(), carry_0=[[]], carry_1=[[]], **begun)
    first = said.pop("y")
    blank = {name: [[]] if value.dim() == 2 else [] for name, value in given.items()}
    second = ask(model, x=x[:, 4:].tolist(), **said, **blank)["y"]
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole.numpy(), rtol=1e-6, atol=1e-7)
    with pytest.raises(MlflowException, match="unexpected error") as error:
        ask(model, x=x.tolist(), carry_0=[[]], carry_1=[[]], **blank)
    assert "needs its context" in error.value.json_kwargs["stack_trace"]


def test_a_core_that_reads_later_steps_has_no_carries(module, monkeypatch):
    monkeypatch.setattr(type(module.core), "streams", False, raising=False)
    signature = stream_signature(module, torch.zeros(1, 1, F))
    assert [s.name for s in signature.inputs] == ["x"]
    assert [s.name for s in signature.outputs] == ["y"]
    model = StreamingModel()
    model.module = module
    assert set(model.predict(None, {"x": np.ones((2, 3, F), np.float32)})) == {"y"}


def test_the_model_belongs_to_its_run(logged, client):
    model_id, run_id, status = logged
    assert status == "RUNNING"  # logging the model did not end the run
    run, model = client.get_run(run_id), client.get_logged_model(model_id)
    assert run.info.status == "FINISHED"
    assert [(m.model_id, m.step) for m in run.outputs.model_outputs] == [(model_id, 30)]
    assert (model.source_run_id, model.status.value, model.name) == (run_id, "READY", "best")
    assert {m.key: m.value for m in model.metrics} == {"val/loss": 0.5, "val/bits": 0.7}
    assert len(client.get_metric_history(run_id, "val/loss")) == 1  # linked, not logged twice


def test_the_signature_leaves_rows_and_steps_free(logged, client):
    signature = load(logged[0], client).metadata.signature
    assert [(s.name, s.shape) for s in signature.inputs] == [
        ("x", (-1, -1, F)),
        ("carry_0", (-1, -1)),
        ("carry_1", (-1, -1)),
    ]
    assert next((s.name, s.shape) for s in signature.outputs) == ("y", (-1, -1, O))


def test_it_loads_by_its_own_address(logged, uri, monkeypatch):
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", uri)
    model = mlflow.pyfunc.load_model(f"models:/{logged[0]}")
    assert model.metadata.run_id == logged[1]


def test_a_pickle_in_place_of_weights_is_not_opened(logged, client, folder):
    class Bomb:
        def __reduce__(self):
            return (open, (str(folder / "executed"), "w"))

    place = client.get_logged_model(logged[0]).artifact_location.removeprefix("file://")
    torch.save({"head.bias": Bomb()}, Path(place) / "artifacts" / "weights.pt")
    with pytest.raises(Exception, match=r"(?i)weights.only"):
        mlflow.pyfunc.load_model(place)
    assert not (folder / "executed").exists()


@pytest.mark.parametrize(
    "builder", ["os:system", "subprocess:run", "stand_in_model:stranger", "stand_in_model:os.system"]
)
def test_only_builders_are_called(builder):
    with pytest.raises(ValueError, match=r"^builder |if you trust it, set ELMAN_TRUST=stand_in"):
        find_builder(builder)


def test_an_edited_description_cannot_name_another_function(logged, client):
    place = client.get_logged_model(logged[0]).artifact_location.removeprefix("file://")
    about = Path(place) / "artifacts" / "description.json"
    about.write_text(json.dumps({"builder": "stand_in_model:stranger", "description": {}}))
    with pytest.raises(ValueError, match="builder 'stand_in_model:stranger' is not of elman"):
        mlflow.pyfunc.load_model(place)


def test_half_a_carry_is_refused(module):
    model = StreamingModel()
    model.module = module
    x = np.ones((2, 3, F), np.float32)
    with pytest.raises(ValueError, match="all 2 carries or none"):
        model.predict(None, {"x": x, "carry_0": np.zeros((2, 5), np.float32)})
    wrong = {f"carry_{i}": np.zeros((3, 5), np.float32) for i in range(2)}
    with pytest.raises(ValueError, match=r"carry_0 must be \(2, 5\), got \(3, 5\)"):
        model.predict(None, {"x": x, **wrong})
