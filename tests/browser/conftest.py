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

from elman.tracking.ui import free_port

WAIT_SECONDS = 90.0  # pages of megabytes on a machine that has other things to do
SETTLE_SECONDS = 2.0  # what is drawn after its text is there
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
HARMLESS = (
    # MLflow asks for the user also where nobody has to log in.
    "/ajax-api/2.0/mlflow/users/current - Failed to load resource: the server responded with a status of 404",
    # Chromium says so of any page that changes its layout while it is drawn.
    "ResizeObserver loop completed with undelivered notifications.",
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
def optuna_page(site):
    """Of optuna-dashboard over the study's journal."""
    pytest.importorskip("optuna_dashboard", reason="needs the extra 'dashboard'")
    port = free_port(0)
    (journal,) = site.folder.glob("searches/*/journal.log")
    program = [str(Path(sys.executable).with_name("optuna-dashboard")), str(journal)]
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


class Reader:
    """Somebody who opens pages, reads them and takes pictures of them."""

    def __init__(self, chrome, pictures: Path) -> None:
        self.chrome, self.pictures = chrome, pictures

    def open(self, url: str, *words: str, name: str) -> str:
        """Open a page, wait until it shows all these words, and keep a picture of it; what it says.

        Fails where the browser's console has an error that is not named as harmless.
        """
        self.chrome.get("about:blank")  # a page whose address changes behind the # is not loaded anew
        self.chrome.get_log("browser")
        self.chrome.get(url)
        return self.picture(*words, name=name)

    def picture(self, *words: str, name: str) -> str:
        text = self.until(*words)
        time.sleep(SETTLE_SECONDS)
        self.chrome.save_screenshot(str(self.pictures / f"{name}.png"))
        assert self.errors() == []
        return text

    def until(self, *words: str) -> str:
        end = time.monotonic() + WAIT_SECONDS
        while True:
            text = self.text()
            missing = [word for word in words if word not in text]
            if not missing:
                return text
            assert time.monotonic() < end, f"not on the page: {missing}; there is: {text[:2000]}"
            time.sleep(0.3)

    def text(self) -> str:
        """What the page shows, its frames included."""
        from selenium.common.exceptions import WebDriverException

        try:
            parts = [self.chrome.find_element("tag name", "body").text]
            for frame in self.chrome.find_elements("tag name", "iframe"):
                self.chrome.switch_to.frame(frame)
                parts.append(self.chrome.find_element("tag name", "body").text)
                self.chrome.switch_to.default_content()
        except WebDriverException:  # it is drawn anew at this moment
            self.chrome.switch_to.default_content()
            return ""
        return "\n".join(parts)

    def errors(self) -> list[str]:
        found = [e["message"] for e in self.chrome.get_log("browser") if e["level"] == "SEVERE"]
        return [message for message in found if not any(known in message for known in HARMLESS)]

    def click(self, css: str, text: str) -> None:
        for element in self.chrome.find_elements("css selector", css):
            if element.text.strip() == text:
                element.click()
                return
        raise AssertionError(f"there is no {css} {text!r}")

    def column(self, css: str, beginning: str) -> list[str]:
        """Texts that begin so, from the top of the page down; a grid may hold its rows in another order."""
        found = self.chrome.find_elements("css selector", css)
        placed = [(element.location["y"], element.text) for element in found]
        return [text for _, text in sorted(placed) if text.startswith(beginning)]

    def links(self) -> dict[str, str]:
        found = self.chrome.find_elements("css selector", "a[href]")
        return {link.text.strip(): link.get_attribute("href") for link in found}


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    named = os.environ.get("ELMAN_SCREENSHOTS")
    folder = Path(named).absolute() if named else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def reader(site, chromium, pictures, request):
    chromium.get(site.address)
    # MLflow opens its assistant in a new browser, over a quarter of the page.
    chromium.execute_script("localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')")
    chromium.execute_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    yield Reader(chromium, pictures)
    print(f"screenshots: {pictures}")
