"""What compose.yaml promises, read without containers."""

import re

import pytest
import yaml
from standing import SCRIPTS

COMPOSE = yaml.safe_load((SCRIPTS / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
EXAMPLE = dict(
    line.split("=", 1)
    for line in (SCRIPTS / ".env.example").read_text().splitlines()
    if re.match("[A-Z]", line)
)
SECRETS = {name for name in EXAMPLE if re.search("PASSWORD|KEY", name)}


@pytest.fixture(params=SERVICES)
def service(request):
    return SERVICES[request.param]


def test_each_service_is_watched_and_comes_back(service):
    assert service["restart"] == "unless-stopped"
    assert {"test", "interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


def test_each_image_is_of_one_version(service):
    name, _, tag = service["image"].rpartition(":")
    assert name
    assert re.search(r"\d+\.\d+", tag)


def test_the_server_waits_for_the_others():
    waits = SERVICES["mlflow"]["depends_on"]
    assert waits == {name: {"condition": "service_healthy"} for name in SERVICES if name != "mlflow"}


def test_what_is_kept_lies_in_named_volumes():
    mounted = {v.split(":")[0] for service in SERVICES.values() for v in service.get("volumes", ())}
    assert mounted - {"./databases.sql"} == set(COMPOSE["volumes"])


def test_ports_are_on_loopback_unless_set_otherwise():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == 2
    assert all(re.match(r"\$\{\w+_ADDRESS:-127\.0\.0\.1\}:", port) for port in ports)


def test_secrets_come_from_the_environment_alone(service):
    """Without one, compose says its name and starts nothing."""
    for name, value in service["environment"].items():
        if re.search("PASSWORD|KEY", name):
            asked = re.fullmatch(r"\$\{(\w+):\?.+\}", value)
            assert asked, name
            assert EXAMPLE[asked[1]] == ""


def test_each_variable_is_in_the_example_with_the_same_default():
    text = (SCRIPTS / "compose.yaml").read_text()
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", text):
        assert EXAMPLE[name] == default
    assert {name for name, value in EXAMPLE.items() if not value} == SECRETS


def test_the_example_says_what_the_scripts_take_by_default(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    import settings

    assert {name: EXAMPLE[name] for name in settings.DEFAULTS} == settings.DEFAULTS
    assert {*settings.SECRETS, *settings.LOGIN} == SECRETS


def test_the_image_holds_the_versions_of_the_constraints():
    constraints = (SCRIPTS.parent / "constraints.txt").read_text()
    version = SERVICES["mlflow"]["image"].rpartition("-")[2]
    assert f"mlflow=={version}\n" in constraints
    dockerfile = (SCRIPTS / "Dockerfile").read_text()
    assert "--constraint /tmp/constraints.txt" in dockerfile
    assert re.search(r"^USER (?!root)\w+", dockerfile, re.M)
