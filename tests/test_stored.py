"""Keys of before in today's words; a store, checkpoints and a study that an earlier version wrote."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import mlflow
import mlflow.pyfunc
import numpy as np
import pytest

from elman.cli import main
from elman.cores import Elman
from elman.stored import new_class, new_key, translated, translated_checkpoint, translated_description

ARCHIVE = Path(__file__).parent / "stored" / "before_rooms.tar.xz"
"""Written by the version before files moved into rooms and keys were renamed, in the folder `THEN`."""
THEN = "/srv/elman"
PATHS = (
    ("runs", "artifact_uri"),
    ("tags", "value"),
    ("logged_models", "artifact_location"),
    ("experiments", "artifact_location"),
)
VALIDATED = {
    "text": {"val/nats_per_step": 2.711905, "val_reset_20/nats_per_step": 2.743023, "val/accuracy": 0.19},
    "captions": {"val/nats_per_step": 2.843807, "val/character_error_rate": 1.398477, "val/exact": 0.0},
    "tones": {"val/nats_per_step": 1.853809, "val/accuracy": 0.234375},
}
SAMPLE = "viuvht tsda eastak tnc rgil s\na  hgo th"


def test_blocks_classes_and_what_is_nested() -> None:
    old = {
        "model": {
            "encoder": {
                "class_path": "elman.encoders.Recurrent",
                "init_args": {"core": {"class_path": "elman.cores.GRU", "init_args": {"hidden_size": 3}}},
            },
            "features": {"class_path": "elman.features.LogMel", "init_args": {"mels": 5}},
        },
        "data": {
            "class_path": "datamodules.Images",
            "init_args": {"batching": {"rows": 4, "val_rows": None}},
        },
        "trainer": {"max_passes": 2, "max_minutes": None},
    }
    new = {
        "model": {
            "context_encoder": {
                "class_path": "elman.inputs.Recurrent",
                "init_args": {"core": {"class_path": "elman.cores.GRU", "init_args": {"hidden_size": 3}}},
            },
            "features": {"class_path": "elman.inputs.LogMel", "init_args": {"mels": 5}},
        },
        "data": {
            "class_path": "datamodules.Images",
            "init_args": {"batching": {"batch_size": 4, "val_batch_size": None}},
        },
        "trainer": {"max_epochs": 2, "max_minutes": None},
    }
    assert translated(old) == new
    assert translated(new) == new


def test_a_key_is_renamed_only_where_it_belongs() -> None:
    echo = {"class_path": "datamodules.synthetic.Echo", "init_args": {"rows": 8, "lag": 3}}
    mine = {"class_path": "mine.Own", "init_args": {"rows": 8, "lanes": 2}}
    assert translated({"data": echo})["data"]["init_args"] == {"batch_size": 8, "lag": 3}
    assert translated({"data": mine})["data"] == mine
    assert new_key("Echo", "rows") == "batch_size"
    assert new_key("Own", "rows") is None
    assert new_class("elman.features.log_mel.LogMel") == "elman.inputs.LogMel"
    assert new_class("elman.featuresque.LogMel") == "elman.featuresque.LogMel"


def test_keys_that_moved_into_a_block() -> None:
    audio = {"check": "bodies", "frames": {"hop_ms": 5.0}, "scored_share": 0.3, "path": "a"}
    images = {"path": "a", "height": 4, "colours": "rgb", "reading": "rows"}
    new_audio = {"frames": {"check": "bodies", "hop_ms": 5.0, "scored_share": 0.3}, "path": "a"}
    new_images = {"path": "a", "size": {"height": 4, "colours": "rgb"}, "reading": "rows"}
    for name, old, new in (("audio.Audio", audio, new_audio), ("images.Images", images, new_images)):
        recipe = {"data": {"class_path": f"datamodules.{name}", "init_args": old}}
        assert translated(recipe)["data"]["init_args"] == new
    assert new_key("Video", "width") == "size.width"


def test_metadata_and_descriptions() -> None:
    facts = {"inputs": 2, "outputs": 3, "symbols": True, "context_inputs": None}
    sizes = {"input_size": 2, "output_size": 3, "token_ids": True, "context_size": None}
    checkpoint = {"state_dict": {}, "elman": {"facts": facts, "recipe": "model: {}"}}
    new = {"state_dict": {}, "elman": {"metadata": sizes, "recipe": "model: {}"}}
    assert translated_checkpoint(checkpoint) == new
    checkpoint["elman"]["updates"] = {"made": 3, "joined": {"updates": 1, "room": 8}, "since": {"loss": 2.0}}
    updates = {"made": 3, "accumulator": {"updates": 1, "capacity": 8}, "running": {"loss": 2.0}}
    assert translated_checkpoint(checkpoint) == {**new, "elman": {**new["elman"], "updates": updates}}
    part = {"class_path": "elman.encoders.Dense", "init_args": {}}
    assert translated_description({**facts, "encoder": part}) == {
        **sizes,
        "context_encoder": {"class_path": "elman.inputs.Dense", "init_args": {}},
    }


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The working folder of an earlier version: a store, checkpoints, a study, and the text that was read."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    for file in (*tmp_path.rglob("MLmodel"), *tmp_path.rglob("*.yaml"), *tmp_path.rglob("journal.log")):
        file.write_text(file.read_text().replace(THEN, str(tmp_path)))
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        for table, column in PATHS:
            store.execute(f"update {table} set {column} = replace({column}, ?, ?)", (THEN, str(tmp_path)))
    return tmp_path


@pytest.fixture
def store(before: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{before}/mlflow.db")


def metrics(out: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


@pytest.mark.parametrize("name", VALIDATED)
def test_a_run_of_before_is_validated(name: str, before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text, captions with an encoder of their context, and features of sound: the metrics it printed then."""
    assert main(["validate", name]) == 0
    found = metrics(capsys.readouterr().out)
    for metric, value in VALIDATED[name].items():
        assert found[metric] == pytest.approx(value, abs=2e-6), metric  # printed to six digits


def test_a_run_of_before_writes_what_it_wrote(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "text", "--count=40", "--seed=2"]) == 0
    assert capsys.readouterr().out.strip() == SAMPLE


def test_a_run_of_before_goes_on(before: Path, store: mlflow.MlflowClient) -> None:
    """In the same run, by the recipe in today's words, to the numbers of a run that was never stopped."""
    (run,) = store.search_runs(["1"], "tags.`mlflow.runName` = 'stopped'")
    recipe = before / "stopped.yaml"
    recipe.write_text(recipe.read_text().replace("lanes", "batch_size"))
    assert main(["fit", "stopped.yaml", f"--resume={run.info.run_id}"]) == 0
    assert store.get_run(run.info.run_id).info.status == "FINISHED"
    points = store.get_metric_history(run.info.run_id, "val/nats_per_step")
    assert [point.step for point in points] == [5927, 11854, 16021]
    never_stopped = [2.547489143371582, 2.258155601501465, 2.083918418884277]
    assert [point.value for point in points] == pytest.approx(never_stopped, rel=1e-6)  # another machine


def test_a_run_of_before_is_done_once_more_by_the_kernel_it_had(
    before: Path, store: mlflow.MlflowClient
) -> None:
    """To the last digit; its recipe says nothing of kernels, and today another one would be taken for it."""
    (then,) = store.search_runs(["1"], "tags.`mlflow.runName` = 'tones'")
    curves, kernels = [], []
    for options in ([], ["--model.core.kernel=fused"], ["--model.core.kernel=auto"]):
        assert main(["rerun", then.info.run_id, *options]) == 0
        (run, *_) = store.search_runs(["1"], f"tags.`elman.rerun_of` = '{then.info.run_id}'")
        points = store.get_metric_history(run.info.run_id, "val/nats_per_step")
        curves.append([point.value for point in points])
        kernels.append(run.data.tags["elman.kernel"])
    assert kernels == ["fused", "fused", str(Elman(1).stack.choice())]
    assert curves[0] == curves[1] != curves[2]
    points = store.get_metric_history(then.info.run_id, "val/nats_per_step")
    assert curves[0] == pytest.approx([point.value for point in points], rel=1e-6)  # another machine


def test_a_study_of_before_is_reviewed(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["best", "stored", "--output=best.yaml"]) == 0
    assert "val/nats_per_step 0.644121" in capsys.readouterr().out
    assert "batch_size: 8" in (before / "best.yaml").read_text()
    assert main(["fit", "best.yaml", "--print_config"]) == 0


@pytest.fixture
def default_store(before: Path) -> Iterator[None]:
    """MLflow's own way to name a store lasts for the process."""
    mlflow.set_tracking_uri(f"sqlite:///{before}/mlflow.db")
    yield
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


@pytest.mark.usefixtures("default_store")
def test_a_model_of_before_predicts(before: Path, store: mlflow.MlflowClient) -> None:
    by_run = {model.source_run_id: model.model_id for model in store.search_logged_models(["1"])}
    assert len(by_run) == 6
    for name, piece in {"text": np.array([[1, 2, 3]]), "tones": np.zeros((1, 2, 200), np.float32)}.items():
        (run,) = store.search_runs(["1"], f"tags.`mlflow.runName` = '{name}'")
        loaded = mlflow.pyfunc.load_model(f"models:/{by_run[run.info.run_id]}")
        carry = {
            s.name: np.zeros((0,) * len(s.shape), s.type)
            for s in loaded.metadata.get_input_schema().inputs
            if s.name.startswith("carry")
        }
        assert loaded.predict({"x": piece, **carry})["y"].shape[:2] == piece.shape[:2]
