"""A run through `RunLogger` over http, to the team's server and to a plain one."""

from pathlib import Path

import boto3
import mlflow

from elman.tracking.logger import RunLogger


def logged(uri, **more):
    return RunLogger(experiment="over http", tracking_uri=uri, system_metrics=False, **more)


def test_all_of_a_run_arrives(server, tmp_path):
    logger = logged(server.address, run_name="first")
    logger.log_hyperparams({"k1": 5, "core": {"hidden_size": 8}})
    for step in range(0, 3000, 10):
        logger.log_metrics({"train/loss": step / 7, "val/loss": step / 9}, step=step)
    (tmp_path / "best.ckpt").write_bytes(b"weights" * 1000)
    logger.log_artifact(tmp_path / "best.ckpt", "checkpoints")
    logger.log_text("seed: 1", "recipe.yaml")
    logger.log_dataset("letters", "letters.txt", "0" * 64)
    logger.set_note("Does it arrive?")
    logger.close()
    client = mlflow.MlflowClient(server.address)
    run = client.get_run(logger.run_id)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "first")
    assert run.data.params == {"k1": "5", "core.hidden_size": "8"}
    assert run.data.tags["mlflow.note.content"] == "Does it arrive?"
    assert [i.dataset.name for i in run.inputs.dataset_inputs] == ["letters"]
    for key, divisor in (("train/loss", 7), ("val/loss", 9)):
        history = client.get_metric_history(logger.run_id, key)
        assert [(m.step, m.value) for m in history] == [(s, s / divisor) for s in range(0, 3000, 10)]
    assert {f.path for f in client.list_artifacts(logger.run_id)} == {"checkpoints", "recipe.yaml"}
    back = client.download_artifacts(logger.run_id, "checkpoints/best.ckpt", str(tmp_path))
    assert Path(back).read_bytes() == b"weights" * 1000


def test_artifacts_lie_in_the_store_and_clients_hold_no_key(team, monkeypatch, s3):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    logger = logged(team.address)
    logger.log_text("in the bucket", "where.txt")
    logger.close()
    client = boto3.client(
        "s3",
        endpoint_url=s3.address,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        region_name="us-east-1",
    )
    listed = client.list_objects_v2(Bucket=team.settings["S3_BUCKET"])["Contents"]
    (key,) = [item["Key"] for item in listed if logger.run_id in item["Key"]]
    assert client.get_object(Bucket=team.settings["S3_BUCKET"], Key=key)["Body"].read() == b"in the bucket"


def test_a_run_goes_on_after_a_resume(server):
    first = logged(server.address)
    for step in range(10):
        first.log_metrics({"loss": step}, step=step)
    first.close("KILLED")
    again = logged(server.address, run_id=first.run_id)
    for step in range(5, 15):
        again.log_metrics({"loss": step}, step=step)
    again.close()
    client = mlflow.MlflowClient(server.address)
    assert [m.step for m in client.get_metric_history(first.run_id, "loss")] == list(range(15))
    assert client.get_run(first.run_id).info.status == "FINISHED"


def test_a_client_never_asks_the_store_itself(team, s3, tmp_path):
    """MLflow's client would, by a signed address that only the server can reach, and try on for minutes."""
    logger = logged(team.address)
    logger.log_text("through the server", "where.txt")
    logger.close()
    mlflow.MlflowClient(team.address).download_artifacts(logger.run_id, "where.txt", str(tmp_path))
    asked = [line for line in s3.log.read_text().splitlines() if logger.run_id in line]
    assert any("GET" in line for line in asked)
    assert not any("Signature=" in line for line in asked)
