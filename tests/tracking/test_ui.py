"""The dashboard is started, answers, and leaves nothing behind."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import psutil
import pytest
from mlflow import MlflowClient

from elman.errors import BadInput
from elman.tracking import ui
from elman.tracking.logger import RunLogger
from elman.tracking.ui import dashboard_line, free_port, runs_url

SERVE = "import sys; from elman.tracking.ui import serve; sys.exit(serve(None, int(sys.argv[1])))"


def test_the_server_answers_and_ends_with_all_its_helpers(folder, uri):
    MlflowClient(uri).create_experiment("here")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        command = [sys.executable, "-c", SERVE, str(wanted)]
        server = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        page = server.stdout.readline().strip()
        address = page.split("/#/")[0]
        assert address != f"http://127.0.0.1:{wanted}"  # taken: another was chosen
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            assert answer.status == 200
        helpers = psutil.Process(server.pid).children(recursive=True)
        assert helpers
        # Everybody on the machine can read these, and the address of a database may hold a password.
        words = [word for process in helpers for word in process.cmdline()]
        assert "server" in words
        assert not [word for word in words if "mlflow.db" in word]
        search = f"{address}/api/2.0/mlflow/experiments/search?max_results=9"
        with urllib.request.urlopen(search, timeout=5) as answer:
            assert b'"here"' in answer.read()  # the store that was meant
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    _, left = psutil.wait_procs(helpers, timeout=5)
    assert left == []


def test_the_page_is_that_of_runs_with_charts(uri):
    logger = RunLogger(experiment="reach", system_metrics=False)
    logger.start()
    page = runs_url(uri, "http://127.0.0.1:5000", "reach")
    logger.close()
    assert page == (
        f"http://127.0.0.1:5000/#/experiments/{logger.experiment_id}/runs"
        "?workflowType=machine_learning&compareRunsMode=CHART"
    )
    assert runs_url(uri, "http://127.0.0.1:5000", None) == page  # the newest run's
    assert runs_url(uri, "http://h", "none") == "http://h/#/experiments"


def test_the_line_after_a_run(folder, uri):
    assert dashboard_line(None) == dashboard_line(uri) == "dashboard: elman ui"
    assert dashboard_line(f"sqlite:///{folder}/a b.db") == (
        f"dashboard: MLFLOW_TRACKING_URI='sqlite:///{folder}/a b.db' elman ui"
    )


def test_a_free_port_is_kept():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert free_port(port) == port


class Healthy(BaseHTTPRequestHandler):
    """Answers everything well, and logs nothing."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Late(threading.Thread):
    """A server that answers a second after it was started."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port

    def run(self):
        time.sleep(1.0)
        with HTTPServer(("127.0.0.1", self.port), Healthy) as server:
            server.handle_request()


def test_a_slow_start_is_waited_for_and_shown(monkeypatch, capsys):
    """As long as the server lives, however long that is; it says that it is starting."""
    monkeypatch.setattr(ui, "WORD_SECONDS", 0.2, raising=False)
    monkeypatch.setattr(ui, "START_SECONDS", 0.3, raising=False)
    port = free_port(0)
    Late(port).start()
    ui._wait_until_up(SimpleNamespace(poll=lambda: None), f"http://127.0.0.1:{port}")
    first, *more = capsys.readouterr().err.splitlines()
    assert first == "the dashboard is starting; Ctrl-C ends it"
    assert more
    assert all(re.fullmatch(r"starting for \d+ s", line) for line in more)


def test_a_server_that_ends_is_not_waited_for():
    with pytest.raises(BadInput, match="ended with code 3"):
        ui._wait_until_up(SimpleNamespace(poll=lambda: 3, returncode=3), "http://127.0.0.1:1")
