"""A study that is made once, MLflow's server over it, and Chromium to look at both."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import mlflow
import pytest
from browser_reader import WAIT_SECONDS, Reader
from large_studies import large, write_store

from elman.search.report.publisher import Publisher
from elman.search.results.review import Review
from elman.tracking.study_run import StudyRun
from elman.tracking.ui import free_port

EXPERIMENT = "windows"
BASE = """\
seed_everything: 3
model:
  core: {class_path: Elman, init_args: {hidden_size: 8}}
  bptt: {class_path: Truncated, init_args: {k1: 4, k2: 8}}
data: {class_path: Echo, init_args: {lag: 2, steps: 12, batch_size: 8}}
trainer: {max_time_steps: 4000, val_every: 1000, accelerator: cpu}
tracking: {system_metrics: false, experiment: windows}
"""
SEARCH = """\
# Which windows repeat a bit after two steps?
#
#   elman search search.yaml
recipe: base.yaml
space:
  model.bptt.k1: {low: 2, high: 6}
  model.bptt.k2: {times: model.bptt.k1, low: 1, high: 3}
  model.core.layers: {low: 1, high: 2}
objectives: {val/bits_per_step: minimize, cost/core_steps_per_step: minimize}
budget: {trials: 4}
"""

FLAGS = (
    "headless=new",
    "no-sandbox",
    "disable-gpu",
    "disable-quic",
    "no-first-run",
    "disable-background-networking",
    "disable-component-update",
    "disable-sync",
    "window-size=1500,1100",
)


@dataclass(frozen=True)
class Site:
    """What there is to look at.

    Args:
        folder: in which the search ran.
        address: of MLflow's server.
        page: what `elman ui` prints.
        experiment_id: of the study.
        study: its run.
        trials: their runs, by number.
    """

    folder: Path
    address: str
    page: str
    experiment_id: str
    study: mlflow.entities.Run
    trials: list[mlflow.entities.Run]


@dataclass(frozen=True)
class Large:
    """A study of thousands of trials, and the address that `elman ui` prints."""

    page: str
    review: Review


@pytest.fixture(scope="session")
def site(tmp_path_factory, fresh_store):
    folder = tmp_path_factory.mktemp("browser")
    shutil.copy(fresh_store, folder / "mlflow.db")
    (folder / "base.yaml").write_text(BASE)
    (folder / "search.yaml").write_text(SEARCH)
    program = [sys.executable, "-m", "elman"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "ELMAN_"))}
    subprocess.run([*program, "search", "search.yaml"], cwd=folder, env=environment, check=True)
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs([experiment.experiment_id])
    (study,) = [run for run in runs if "elman.trial" not in run.data.tags]
    trials = [run for run in runs if "elman.trial" in run.data.tags]
    with server([*program, "ui", f"--port={free_port(0)}"], folder, environment) as process:
        page = process.stdout.readline().decode().strip()
        assert page.startswith("http://"), page
        yield Site(
            folder=folder,
            address=page.split("/#/")[0],
            page=page,
            experiment_id=experiment.experiment_id,
            study=study,
            trials=sorted(trials, key=lambda run: int(run.data.tags["elman.trial"])),
        )


@pytest.fixture(scope="session")
def large_site(tmp_path_factory, fresh_store):
    """A study of 3,000 trials that nobody trained, published as a search publishes at its end."""
    folder = tmp_path_factory.mktemp("large")
    shutil.copy(fresh_store, folder / "mlflow.db")
    study = large(3000)
    uri = write_store(folder, study)
    runs = StudyRun(uri, experiment=study.experiment, name=study.name)
    runs.open(None, study_id="1", recipe="search.yaml")
    publisher = Publisher(runs, folder / "search", recipe=lambda number: "model: {}\n")
    publisher._pictures(study, pages=False)
    publisher._pages(study)
    publisher._whole(study)
    runs.end("FINISHED")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW_", "ELMAN_"))}
    program = [sys.executable, "-m", "elman", "ui", f"--port={free_port(0)}"]
    with server(program, folder, environment) as process:
        page = process.stdout.readline().decode().strip()
        assert page.startswith("http://"), page
        yield Large(page=page, review=study)


@pytest.fixture(scope="session")
def optuna_page(site):
    """Of optuna-dashboard over the study's journal."""
    pytest.importorskip("optuna_dashboard", reason="needs the extra 'dashboard'")
    port = free_port(0)
    (journal,) = site.folder.glob("searches/*/journal.log")
    program = [sys.executable, "-m", "optuna_dashboard._cli", str(journal)]
    with server([*program, f"--port={port}", "--server=wsgiref"], site.folder, dict(os.environ)):
        address = f"http://127.0.0.1:{port}/dashboard/"
        end = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                assert time.monotonic() < end, "optuna-dashboard does not answer"
                time.sleep(0.2)
        yield address


@contextmanager
def server(command, folder, environment):
    """A server of its own process group, which ends with the block."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


@pytest.fixture(scope="session")
def chromium():
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the extra 'browser'")
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("needs chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for word in FLAGS:
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    named = os.environ.get("ELMAN_SCREENSHOTS")
    folder = Path(named).absolute() if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def screen(chromium):
    """Set the size of the window's inside and whether the reader's system is dark."""

    def set_to(width: int, height: int, *, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    yield set_to
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture
def reader(site, chromium, pictures, request):
    found = Reader(chromium, pictures)
    found.without_assistant(site.address)
    yield found
    print(f"screenshots: {pictures}")
