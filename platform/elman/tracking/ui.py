"""The MLflow dashboard of a store, on this machine."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from types import FrameType
from typing import Any

from elman.errors import BadInput
from elman.program import program
from elman.tracking.find import mark_stale
from elman.tracking.pages import runs_page
from elman.tracking.retry import is_passing
from elman.tracking.runs import newest_run
from elman.tracking.secrets import without_secrets
from elman.tracking.store import artifact_folder, open_store, resolve_uri
from elman.tracking.tags import VIEW_TAG

HOST = "127.0.0.1"
PORT = 5000
WORD_SECONDS = 5.0  # between two words on a server that starts
STOP_SECONDS = 10.0


def serve(tracking_uri: str | None = None, port: int = PORT, *, experiment: str | None = None) -> int:
    """Run MLflow's server on this machine's own address until Ctrl-C or SIGTERM; its exit code.

    A store that is a server already has its page: the address is printed and nothing is started.
    Runs whose process died are closed first, so that the page shows their end.

    Args:
        experiment: whose runs to show first; None: that of the newest run.
    """
    uri = resolve_uri(tracking_uri)
    mark_stale(uri)
    if uri.startswith(("http://", "https://")):
        print(runs_url(uri, uri, experiment))
        return 0
    chosen = free_port(port)
    command = [sys.executable, "-m", "mlflow", "server"]
    command += ["--host", HOST, "--port", str(chosen), "--workers", "1"]
    folder = artifact_folder(uri)
    if folder is not None:
        command += ["--default-artifact-root", folder.as_uri()]
    address = f"http://{HOST}:{chosen}"
    page = runs_url(uri, address, experiment)
    # A process group of its own: Ctrl-C reaches this process only, and its helper processes end with it.
    # The store goes by the environment: everybody on the machine can read the words of a command.
    environment = {**os.environ, "MLFLOW_BACKEND_STORE_URI": uri}
    server = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, env=environment)
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        _wait_until_up(server, address)
        print(f"{page}\nCtrl-C ends it.", flush=True)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        end_group(server)
        for number, handler in before.items():
            signal.signal(number, handler)


def runs_url(tracking_uri: str, address: str, experiment: str | None) -> str:
    """The page of runs with charts; where the newest run is of a study, in the view of that study.

    Args:
        experiment: by name; None: that of the newest run.
    """
    client = open_store(tracking_uri)
    address = without_secrets(address)
    found = client.search_experiments() if experiment is None else [client.get_experiment_by_name(experiment)]
    known = {each.experiment_id: each for each in found if each is not None}
    run = newest_run(client, list(known))
    if run is None:
        page = "#/experiments" if experiment is None or not known else runs_page(next(iter(known)))
        return f"{address}/{page}"
    study = run.parent or run.id
    shown = known[run.experiment_id]
    view = study if f"{VIEW_TAG}{study}" in shown.tags else ""
    return f"{address}/{runs_page(shown.experiment_id, view=view)}"


def dashboard_line(tracking_uri: str | None = None, experiment: str = "elman") -> str:
    """The one line to print after a run: how to open what it recorded."""
    uri = resolve_uri(tracking_uri)
    if uri.startswith(("http://", "https://")):
        try:
            return f"dashboard: {runs_url(uri, uri, experiment)}"
        except Exception as error:
            if not is_passing(error):
                raise
            return f"dashboard: {without_secrets(uri)}, once it answers"
    if uri == resolve_uri(None):
        return f"dashboard: {program()} ui"
    return f"dashboard: MLFLOW_TRACKING_URI={shlex.quote(without_secrets(uri))} {program()} ui"


def free_port(wanted: int) -> int:
    """`wanted` if nothing listens there, else a free one."""
    if not 0 <= wanted <= 65535:
        raise BadInput(f"port must be from 0 to 65535, got {wanted}")
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise BadInput(f"no free port on {HOST}")


def end_group(server: subprocess.Popen[Any]) -> None:
    """End the server and its helpers: ask first, then force; returns when they are gone."""
    import psutil

    helpers: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        helpers = psutil.Process(server.pid).children(recursive=True)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(server.pid, number)
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        _, left = psutil.wait_procs(helpers, timeout=STOP_SECONDS if number == signal.SIGTERM else 1)
        if not left:
            return
        helpers = left
    for helper in helpers:  # one that left the group
        helper.kill()


def _wait_until_up(server: subprocess.Popen[Any], address: str) -> None:
    """As long as the server lives: how long it takes depends on the machine and on what else it does."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback is behind no proxy
    began = spoke = time.monotonic()
    print("the dashboard is starting; Ctrl-C ends it", file=sys.stderr, flush=True)
    while True:
        if server.poll() is not None:
            raise BadInput(f"mlflow server ended with code {server.returncode}; its messages are above")
        try:
            direct.open(f"{address}/health", timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
        if time.monotonic() - spoke >= WORD_SECONDS:
            spoke = time.monotonic()
            print(f"starting for {spoke - began:.0f} s", file=sys.stderr, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
