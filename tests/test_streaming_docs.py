"""What docs/streaming.md shows is run: the pipe, the real server, the requests."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch

from elman.cli import main
from elman.tracking.ui import free_port

PAGE = (Path(__file__).parents[1] / "docs" / "streaming.md").read_text(encoding="utf-8")
PATIENCE_SECONDS = 120.0
RECIPE = """\
model: {core: {class_path: LSTM, init_args: {hidden_size: 6}}}
data: {class_path: Text, init_args: {path: text.txt, batch_size: 2, steps: 50}}
trainer: {max_time_steps: 400, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def run(fresh_store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A finished run in the working folder, and the environment activated."""
    shutil.copy(fresh_store, "mlflow.db")
    Path("text.txt").write_text("def f(x): return the cell and what it keeps\n" * 100)
    Path("r.yaml").write_text(RECIPE)
    assert main(["fit", "r.yaml", "--tracking.run_name=shown"]) == 0
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{Path.cwd()}/mlflow.db")
    return "shown"


def shell(command: str) -> str:
    return subprocess.run(
        ["bash", "-c", command], check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    ).stdout


@pytest.mark.slow
def test_the_pipe(run: str) -> None:
    whole, sentences = (shell(b.replace("RUN", run)) for b in blocks("bash") if "elman predict" in b)
    assert whole.splitlines()[0] in PAGE
    assert [line.split(",")[1] for line in whole.splitlines()[1:]][:4] == ["d", "e", "f", " "]
    assert len(sentences.splitlines()) == 3


@pytest.mark.slow
def test_the_server(run: str) -> None:
    """The same numbers in two pieces over HTTP as in one here."""
    (model,) = mlflow.search_logged_models(
        [e.experiment_id for e in mlflow.search_experiments()], output_format="list"
    )
    port = free_port(0)

    def here(text: str) -> str:
        return text.replace("5001", str(port)).replace("MODEL", model.model_id)

    (serve,) = re.findall(r"<!-- serve -->\n```bash\n(.*?)```", PAGE, re.DOTALL)
    with Path("server.log").open("w") as log:
        server = subprocess.Popen(
            ["bash", "-c", f"exec {here(serve)}"], stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until_up(server, f"http://127.0.0.1:{port}/ping")
        assert '{"predictions": {"y": [[[' in shell(here(next(b for b in blocks("bash") if "curl" in b)))
        shown: dict = {}
        for block in blocks("python"):
            exec(here(block), shown)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    module = mlflow.pyfunc.load_model(f"models:/{model.model_id}").unwrap_python_model().module
    with torch.no_grad():
        y, carry = module.predict(torch.tensor([[1, 2, 3, 4, 5]]), module.core.initial_carry(1))
    said = np.concatenate([shown[name]["y"] for name in ("first", "second")], 1)
    np.testing.assert_allclose(said, y.numpy(), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(shown["second"]["carry_1"], carry[1].numpy(), rtol=1e-6, atol=1e-7)
    assert shown["about"]["reads"] == "text"
    assert "".join(shown["about"]["outputs"][1:]) == "".join(sorted(set(Path("text.txt").read_text())))


def wait_until_up(server: subprocess.Popen, address: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert server.poll() is None, Path("server.log").read_text()
            assert time.monotonic() < end, Path("server.log").read_text()
            time.sleep(0.2)
