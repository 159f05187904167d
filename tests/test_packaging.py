"""The folders `platform/` and `mlflow/` never stand in for the modules of those names; the wheel is whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NAMES = ("platform", "mlflow", "elman", "datamodules")
WHERE = f"from importlib.util import find_spec; print(*(find_spec(name).origin for name in {NAMES}))"
IMPORT = (
    "import platform, mlflow, elman, datamodules;"
    "assert platform.python_version() and mlflow.MlflowClient;"
    "import elman.cores, elman.bptt, datamodules.text;"
)


def prove(folder: Path, program: str, **env: str) -> list[Path]:
    found = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    return [Path(word) for word in found.stdout.split()]


def test_neither_folder_is_a_package() -> None:
    assert [(ROOT / name / "__init__.py").exists() for name in ("platform", "mlflow")] == [False, False]
    assert (ROOT / "mlflow" / "README.md").is_file()


@pytest.mark.parametrize(
    "folder", [ROOT, ROOT / "tests", ROOT / "platform"], ids=["root", "tests", "platform"]
)
def test_the_installed_modules_win(folder: Path) -> None:
    standard, tracking, own, data = prove(folder, WHERE)
    assert ROOT not in standard.parents
    assert ROOT / "mlflow" not in tracking.parents
    assert own == ROOT / "platform" / "elman" / "__init__.py"
    assert data == ROOT / "datamodules" / "__init__.py"


def test_they_win_with_the_wheel_too(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    target = tmp_path / "installed"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    standard, tracking, own, data = prove(ROOT, IMPORT + WHERE, PYTHONPATH=str(target))
    assert own == target / "elman" / "__init__.py"
    assert data == ROOT / "datamodules" / "__init__.py"  # the current folder's; elsewhere the wheel's
    assert ROOT not in standard.parents
    assert ROOT / "mlflow" not in tracking.parents
    sources = {p.relative_to(ROOT / "platform") for p in (ROOT / "platform").rglob("*.py")}
    sources |= {p.relative_to(ROOT) for p in (ROOT / "datamodules").rglob("*.py")}
    assert sources == {p.relative_to(target) for p in target.rglob("*.py")}
    assert (target / "datamodules" / "fetching" / "standard.toml").is_file()
    assert (target / "elman" / "cores" / "_native.c").is_file()
