"""A refused user reads one line within seconds."""

import time

import mlflow
import pytest
import requests

from elman.errors import BadInput
from elman.tracking.logger import RunLogger
from elman.tracking.store import open_store

SECONDS = 5.0  # MLflow itself tries on for minutes


@pytest.fixture
def refusal():
    """What `open_store` says, in time."""

    def of(uri):
        start = time.monotonic()
        with pytest.raises(BadInput) as caught:
            open_store(uri)
        assert time.monotonic() - start < SECONDS
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return of


def test_a_wrong_password_of_the_server(team, refusal, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "guessed")
    assert refusal(team.address) == (
        f"{team.address!r} does not know this user and password; "
        "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
    )
    with pytest.raises(BadInput, match="does not know this user"):
        RunLogger(tracking_uri=team.address)


def test_no_password(team, refusal, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    assert "set MLFLOW_TRACKING_USERNAME" in refusal(team.address)


def test_a_password_in_the_address(team, refusal, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    host = team.address.removeprefix("http://")
    password = team.settings["TRACKING_ADMIN_PASSWORD"].replace(" ", "%20")
    assert open_store(f"http://admin:{password}@{host}").search_experiments()
    said = refusal(f"http://admin:guessed@{host}")
    assert f"'http://admin:***@{host}' does not know" in said


def test_a_name_that_the_server_does_not_go_by(team, refusal):
    """The settings do not name localhost."""
    said = refusal(team.address.replace("127.0.0.1", "localhost"))
    assert "refuses us or is no MLflow server, answer 403: Invalid Host header" in said


@pytest.mark.parametrize(("page", "code"), [("http://tracking.test", 200), ("https://evil.test", 403)])
def test_its_own_pages_may_send_requests(team, page, code):
    """The dashboard, under the name that others call the server by; MLflow alone trusts localhost only."""
    answer = requests.post(
        f"{team.address}/ajax-api/2.0/mlflow/runs/search",
        headers={"Host": "tracking.test", "Origin": page},
        auth=("admin", team.settings["TRACKING_ADMIN_PASSWORD"]),
        json={"experiment_ids": ["0"]},
        timeout=10,
    )
    assert answer.status_code == code, answer.text


def test_a_server_of_another_kind(s3, refusal):
    assert "refuses us or is no MLflow server, answer 404" in refusal(s3.address)


def test_databases_that_do_not_let_us_in(team, postgres, refusal):
    name = team.settings["POSTGRES_DATABASE"]
    assert "does not let us in" in refusal(postgres.url(name, password="guessed"))
    assert 'database "missing" does not exist' in refusal(postgres.url("missing"))
    worker = postgres.url(name, user=f"{name}_studies", password="worker")
    assert "permission denied for database" in refusal(worker)


def test_a_second_user_writes_to_the_same_experiment(team, monkeypatch):
    admin = RunLogger(experiment="shared", tracking_uri=team.address, system_metrics=False)
    admin.start()
    admin.close()
    made = requests.post(
        f"{team.address}/api/2.0/mlflow/users/create",
        auth=("admin", team.settings["TRACKING_ADMIN_PASSWORD"]),
        json={"username": "ada", "password": "another long password"},
        timeout=10,
    )
    assert made.status_code == 200, made.text
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ada")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "another long password")
    theirs = RunLogger(experiment="shared", tracking_uri=team.address, system_metrics=False)
    theirs.log_metrics({"loss": 1.0}, step=1)
    theirs.close()
    client = mlflow.MlflowClient(team.address)
    assert client.get_run(theirs.run_id).info.status == "FINISHED"
    with pytest.raises(mlflow.MlflowException, match=r"(?i)permission"):
        client.delete_experiment(client.get_experiment_by_name("shared").experiment_id)


def test_a_run_prints_no_password(team, monkeypatch, capfd):
    """MLflow itself prints the address of a run when it ends."""
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME")
    monkeypatch.delenv("MLFLOW_TRACKING_PASSWORD")
    password = team.settings["TRACKING_ADMIN_PASSWORD"].replace(" ", "%20")
    address = team.address.replace("http://", f"http://admin:{password}@")
    logger = RunLogger(experiment="shared", tracking_uri=address, system_metrics=False)
    logger.log_metrics({"loss": 1.0}, step=1)
    logger.close("FINISHED")
    assert password not in "".join(capfd.readouterr())
