"""What `mlflow/serve.py` reports where something is missing: one line, exit code 2."""

import pytest
from standing import free_port, script

from elman.tracking.store import open_store


def line(*words, settings):
    ended = script("serve", *words, settings=settings)
    assert (ended.returncode, ended.stdout) == (2, "")
    (said,) = ended.stderr.splitlines()
    return said


@pytest.fixture
def given(team):
    """The settings of the running server."""
    return dict(team.settings)


def test_settings_without_a_value(given, tmp_path):
    given["TRACKING_ADMIN_PASSWORD"] = given["S3_SECRET_KEY"] = ""
    empty = tmp_path / "env"
    empty.write_text("# nothing\n")
    said = line("--env-file", empty, settings=given)
    assert said == (
        f"serve: S3_SECRET_KEY, TRACKING_ADMIN_PASSWORD must have a value, in {empty} or in the environment"
    )


@pytest.mark.parametrize("text", ["A='b'", "A=b c", "A=$B", "export A=b", "A = b", "A=b # why"])
def test_lines_that_docker_compose_would_read_otherwise(given, tmp_path, text):
    file = tmp_path / "env"
    file.write_text(f"# first\n{text}\n")
    assert f"{file} line 2 must be NAME=value" in line("--env-file", file, settings=given)


def test_a_file_that_is_not_there(given, tmp_path):
    assert "is not there; copy" in line("--env-file", tmp_path / "env", settings=given)


def test_values(given):
    short = {**given, "TRACKING_ADMIN_PASSWORD": "elevenchars"}
    assert "TRACKING_ADMIN_PASSWORD must have at least 12 characters" in line(settings=short)
    assert "TRACKING_PORT must be a whole number" in line(settings={**given, "TRACKING_PORT": "http"})
    assert "TRACKING_WORKERS must be a whole number" in line(settings={**given, "TRACKING_WORKERS": "0"})
    assert "POSTGRES_DATABASE must be of a-z" in line(settings={**given, "POSTGRES_DATABASE": "a b"})


def test_a_database_that_is_not_there_or_refuses(given):
    said = line(settings={**given, "POSTGRES_DATABASE": "missing"})
    assert 'database "missing" does not exist' in said
    assert said.endswith("serve.py --create makes it")
    assert "password authentication failed" in line(settings={**given, "POSTGRES_PASSWORD": "guessed"})
    assert "refused" in line(settings={**given, "POSTGRES_PORT": str(free_port())})


def test_a_store_that_is_not_there(given):
    said = line(settings={**given, "S3_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    assert "cannot be used: Could not connect" in said
    assert "S3_ENDPOINT 'nowhere' cannot be used" in line(settings={**given, "S3_ENDPOINT": "nowhere"})


@pytest.mark.slow
def test_an_upgrade_of_what_is_new_enough(team, given):
    ended = script("serve", "--upgrade", settings=given)
    assert ended.returncode == 0, ended.stderr
    assert open_store(team.address).search_experiments()


def test_no_password_shows_in_the_list_of_processes(team):
    import psutil

    words = " ".join(psutil.Process(team.process.pid).cmdline())
    assert "--app-name basic-auth" in words
    for secret in ("POSTGRES_PASSWORD", "S3_SECRET_KEY", "TRACKING_ADMIN_PASSWORD"):
        assert team.settings[secret] not in words
