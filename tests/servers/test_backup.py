"""A backup of the running server, put back beside it under other names."""

import json
import shutil
import uuid
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import boto3
import mlflow
import optuna
import psycopg
import pytest
from standing import script

from elman.tracking.logger import RunLogger


@pytest.fixture
def bucket(s3):
    client = boto3.client(
        "s3",
        endpoint_url=s3.address,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        region_name="us-east-1",
    )

    def contents(name):
        listed = client.list_objects_v2(Bucket=name).get("Contents", ())
        return {o["Key"]: client.get_object(Bucket=name, Key=o["Key"])["Body"].read() for o in listed}

    contents.client = client
    return contents


def ended(name, *words, settings):
    """Its last line, after success."""
    process = script(name, *words, settings=settings)
    assert (process.returncode, process.stderr) == (0, ""), process.stderr
    return process.stdout.strip()


def refused(name, *words, settings):
    process = script(name, *words, settings=settings)
    assert process.returncode == 2, process.stdout
    (said,) = process.stderr.splitlines()
    return said


@pytest.fixture
def kept(team, postgres):
    """A run with a curve and artifacts, one of them large enough to go up in parts, and a study."""
    logger = RunLogger(experiment="kept", tracking_uri=team.address, system_metrics=False)
    for step in range(50):
        logger.log_metrics({"loss": step / 3}, step=step)
    Path("best.ckpt").write_bytes(b"0123456789" * 1_000_000)
    logger.log_artifact("best.ckpt", "a folder/with blanks")
    logger.log_text("ü", "ä.txt")
    logger.close()
    name = team.settings["POSTGRES_DATABASE"] + "_studies"
    storage = postgres.url(name, user=name, password="worker")
    study = optuna.create_study(storage=storage, study_name=f"kept {uuid.uuid4().hex[:8]}")
    study.optimize(lambda trial: trial.suggest_int("k1", 1, 9), 2)
    return SimpleNamespace(run=logger.run_id, study=study)


@pytest.fixture
def elsewhere(team):
    """The settings of a server that does not exist yet."""
    name = f"test_{uuid.uuid4().hex[:8]}"
    return {**team.settings, "POSTGRES_DATABASE": name, "S3_BUCKET": name.replace("_", "-")}


@pytest.fixture
def backup(team, kept, tmp_path):
    ended("backup", tmp_path / "backups", settings=team.settings)
    (folder,) = (tmp_path / "backups").iterdir()
    return folder


def test_all_comes_back(team, kept, elsewhere, backup, bucket):
    run, study, postgres = kept.run, kept.study, team.postgres
    about = json.loads((backup / "manifest.json").read_text())
    said = ended("restore", backup, settings=elsewhere)
    assert said.startswith(f"restored 3 databases and {about['objects']} artifacts of {about['made']}")
    assert bucket(elsewhere["S3_BUCKET"]) == bucket(team.settings["S3_BUCKET"])
    name = elsewhere["POSTGRES_DATABASE"]
    before, after = mlflow.MlflowClient(team.address), mlflow.MlflowClient(postgres.url(name))
    assert after.get_run(run).data.metrics == before.get_run(run).data.metrics == {"loss": 49 / 3}
    assert [m.step for m in after.get_metric_history(run, "loss")] == list(range(50))
    with psycopg.connect(postgres.url(f"{name}_auth")) as database:
        assert ("admin", True) in database.execute("SELECT username, is_admin FROM users").fetchall()
    worker = postgres.url(f"{name}_studies", user=f"{name}_studies", password="worker")
    restored = optuna.load_study(storage=worker, study_name=study.study_name)
    assert restored.trials == study.trials
    restored.add_trial(study.trials[0])  # the tables belong to the role of the workers


def test_what_is_there_is_left_alone_or_replaced_as_a_whole(backup, elsewhere, postgres, bucket):
    ended("restore", backup, settings=elsewhere)
    name, held = elsewhere["POSTGRES_DATABASE"], bucket(elsewhere["S3_BUCKET"])
    with psycopg.connect(postgres.url(name)) as database:
        database.execute("CREATE TABLE of_a_newer_version (id int)")
        database.execute("DELETE FROM metrics")
    bucket.client.put_object(Bucket=elsewhere["S3_BUCKET"], Key="later", Body=b"")

    def state():
        with psycopg.connect(postgres.url(name)) as database:
            newer = database.execute("SELECT to_regclass('of_a_newer_version') IS NOT NULL").fetchone()
            points = database.execute("SELECT count(*) > 49 FROM metrics").fetchone()
        return {"newer": newer[0], "points": points[0], "later": "later" in bucket(elsewhere["S3_BUCKET"])}

    changed = {"newer": True, "points": False, "later": True}
    said = refused("restore", backup, settings=elsewhere)
    held_by = f"{name}, {name}_auth, {name}_studies, the bucket"
    assert said == f"restore: {held_by} not empty; --force replaces all that is there"
    assert state() == changed

    broken = shutil.copytree(backup, backup.with_suffix(".broken"))  # in the middle, its checksum in order
    about = json.loads((broken / "manifest.json").read_text())
    dump, sums = broken / f"{about['databases'][0]}.dump", broken / "SHA256SUMS"
    before = dump.read_bytes()
    dump.write_bytes(before.replace(b"ADD CONSTRAINT metric_pk", b"ADD CONSTRAINT metric_)k"))
    sums.write_text(
        sums.read_text().replace(sha256(before).hexdigest(), sha256(dump.read_bytes()).hexdigest())
    )
    assert "syntax error" in refused("restore", broken, "--force", settings=elsewhere)
    assert state() == changed

    ended("restore", backup, "--force", settings=elsewhere)
    assert state() == {"newer": False, "points": True, "later": False}
    assert bucket(elsewhere["S3_BUCKET"]) == held


def test_a_server_that_runs_is_left_alone(team, backup):
    said = refused("restore", backup, "--force", settings=team.settings)
    assert said.endswith("are open; stop the MLflow server and all searches first")


def test_a_backup_that_changed_is_refused(backup, elsewhere, postgres, tmp_path):
    archive = backup / "artifacts.tar"
    archive.write_bytes(archive.read_bytes().replace(b"0123456789", b"0123456780", 1))
    assert "artifacts.tar is not as it was written" in refused("restore", backup, settings=elsewhere)
    archive.unlink()
    assert "artifacts.tar" in refused("restore", backup, settings=elsewhere)
    assert "is no backup" in refused("restore", tmp_path, settings=elsewhere)
    with psycopg.connect(postgres.url("postgres")) as database:
        found = database.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [elsewhere["POSTGRES_DATABASE"]]
        )
        assert found.fetchone() is None  # nothing was touched


def test_a_backup_that_fails_looks_like_none(team, tmp_path):
    settings = {**team.settings, "S3_ENDPOINT": "http://127.0.0.1:9"}
    assert "Could not connect" in refused("backup", tmp_path, settings=settings)
    assert [path.suffix for path in tmp_path.iterdir() if path.is_dir()] == [".partial"]
