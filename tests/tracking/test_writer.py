"""What is written to the store again, because a process was killed before it knew that it had arrived."""

import mlflow
import pytest
from mlflow.models import Model

from elman.tracking.runs import row_of
from elman.tracking.writer import RunWriter


@pytest.fixture
def client(tmp_path, fresh_store):
    store = tmp_path / "mlflow.db"
    store.write_bytes(fresh_store.read_bytes())
    return mlflow.MlflowClient(f"sqlite:///{store}")


def test_a_model_whose_writer_was_killed_before_it_was_ready(client, tmp_path, monkeypatch):
    experiment = client.create_experiment("toys", artifact_location=(tmp_path / "artifacts").as_uri())
    run = client.create_run(experiment)
    client.log_metric(run.info.run_id, "val/loss", 1.5, step=7)
    writer = RunWriter(client, row_of(run))
    (tmp_path / "model").mkdir()
    Model().save(str(tmp_path / "model" / "MLmodel"))

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(client, "finalize_logged_model", killed)
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                writer.model(tmp_path / "model", "best", {}, 7, {"val/loss": 1.5})
    writer.model(tmp_path / "model", "best", {}, 7, {"val/loss": 1.5})
    (model,) = client.search_logged_models([experiment])
    assert str(model.status) == "READY"
    (output,) = client.get_run(run.info.run_id).outputs.model_outputs
    assert (output.model_id, output.step) == (model.model_id, 7)
    assert len(client.get_metric_history(run.info.run_id, "val/loss")) == 1
