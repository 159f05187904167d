"""PostgreSQL used directly, as the store of runs and as that of studies."""

import subprocess
import sys
import uuid

import mlflow
import optuna
import psycopg
import pytest

from elman.tracking.logger import RunLogger

PROCESSES = 8
TOUCH = f"""
import os, sys
from elman.tracking.opening import create_run
from elman.tracking.store import open_store
import mlflow.store.tracking.sqlalchemy_store  # once for all: eight imports would take most of the time
children = []
for _ in range({PROCESSES}):
    child = os.fork()
    if not child:
        client = open_store(sys.argv[1])
        run = create_run(client, sys.argv[1], experiment="at once", name=None)
        os.write(1, (run.id + chr(10)).encode())
        os._exit(0)  # after an exception the exit code is 1
    children.append(child)
sys.exit(sum(os.waitpid(child, 0)[1] for child in children) > 0)
"""


@pytest.fixture
def fresh(postgres, tmp_path):
    """The URI of a database without tables."""

    def make(kind):
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/fresh.db"
        name = f"fresh_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as database:
            database.execute(f"CREATE DATABASE {name}")
        return postgres.url(name)

    return make


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_eight_processes_touch_a_fresh_store_at_once(fresh, kind):
    """Without the lock, all but one crash in MLflow's migration."""
    uri = fresh(kind)
    ended = subprocess.run(
        [sys.executable, "-c", TOUCH, uri], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "alembic" not in ended.stderr
    client = mlflow.MlflowClient(uri)
    (experiment,) = [e for e in client.search_experiments() if e.name == "at once"]
    runs = {run.info.run_id for run in client.search_runs([experiment.experiment_id])}
    assert runs == set(ended.stdout.split())
    assert len(runs) == PROCESSES


def test_a_run_without_a_server(fresh):
    uri = fresh("postgresql")
    logger = RunLogger(experiment="direct", tracking_uri=uri, system_metrics=False)
    logger.log_hyperparams({"k1": 5})
    for step in range(100):
        logger.log_metrics({"loss": step / 3}, step=step)
    logger.close()
    client = mlflow.MlflowClient(uri)
    assert client.get_run(logger.run_id).info.status == "FINISHED"
    history = client.get_metric_history(logger.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(step, step / 3) for step in range(100)]


def test_workers_reach_the_studies_alone(team, postgres):
    studies = team.settings["POSTGRES_DATABASE"] + "_studies"
    storage = postgres.url(studies, user=studies, password=team.settings["STUDIES_PASSWORD"])
    optuna.create_study(storage=storage, study_name="windows").optimize(
        lambda t: t.suggest_int("k1", 1, 9), 3
    )
    assert len(optuna.load_study(storage=storage, study_name="windows").trials) == 3
