"""One of each server for all tests of a session. ELMAN_TEST_POSTGRESQL names a PostgreSQL to use instead."""

import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest
from standing import Postgres, plain_server, store, team_server, team_settings

NAMED = os.environ.get("ELMAN_TEST_POSTGRESQL")


@pytest.fixture(scope="session")
def make_postgres():
    started = []

    def make(url=None):
        # Not in pytest's folder, which it closes to other users: PostgreSQL never runs as root.
        folder = Path(tempfile.mkdtemp(prefix="elman-pg-"))
        started.append((Postgres(folder, url), folder))
        return started[-1][0]

    yield make
    for postgres, folder in started:
        if postgres.ours:
            postgres.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres(make_postgres):
    return make_postgres(NAMED)


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    started = store(tmp_path_factory.mktemp("s3"))
    yield started
    started.kill()


@pytest.fixture(scope="session")
def make_team(tmp_path_factory, s3):
    started = []

    def make(postgres):
        settings = team_settings(postgres, s3, f"test_{uuid.uuid4().hex[:8]}")
        started.append(team_server(tmp_path_factory.mktemp("team"), settings))
        started[-1].settings, started[-1].postgres = settings, postgres
        return started[-1]

    yield make
    for server in started:
        server.kill()


@pytest.fixture(scope="session")
def team_of_session(make_team, postgres):
    return make_team(postgres)


@pytest.fixture
def team(team_of_session, monkeypatch):
    """The server of mlflow/serve.py, and this process as its first user."""
    return as_admin(team_of_session, monkeypatch)


@pytest.fixture
def team_on_ours(team_of_session, make_team, make_postgres, monkeypatch):
    """The same over a PostgreSQL that may be stopped."""
    ours = team_of_session.postgres.ours
    return as_admin(team_of_session if ours else make_team(make_postgres()), monkeypatch)


def as_admin(server, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", server.settings["TRACKING_ADMIN_USER"])
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", server.settings["TRACKING_ADMIN_PASSWORD"])
    return server


@pytest.fixture(scope="session")
def plain(tmp_path_factory, fresh_store):
    """`mlflow server` over SQLite and a folder, which asks nobody for a password."""
    folder = tmp_path_factory.mktemp("plain")
    shutil.copy(fresh_store, folder / "mlflow.db")
    server = plain_server(folder, f"sqlite:///{folder}/mlflow.db")
    yield server
    server.kill()


@pytest.fixture(params=["team", "plain"])
def server(request):
    return request.getfixturevalue(request.param)
