"""The native kernel: its arithmetic, its threads, and where it is built, or not, and why."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch
from core_rows import gradients, weighted
from torch import Tensor

from elman.cores import GRU, LSTM, Cell, CoupledLSTM, Elman, _native
from elman.cores._build import SOURCE, library, why_not_native
from elman.cores.kernels import Choice, in_words, kernels_of, use_kernels, why_without

CELLS: dict[str, Callable[..., Cell]] = {
    "tanh": Elman,
    "relu": partial(Elman, nonlinearity="relu"),
    "sigmoid": partial(Elman, nonlinearity="sigmoid"),
    "GRU": GRU,
    "LSTM": LSTM,
    "CoupledLSTM": CoupledLSTM,
}
each_cell = pytest.mark.parametrize("cell", CELLS)
pytestmark = pytest.mark.compiler
F = 3


@pytest.fixture
def nothing_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder to build in, and nothing known yet."""
    monkeypatch.setenv("ELMAN_NATIVE_CACHE", str(tmp_path / "native"))
    monkeypatch.setenv("CC", "cc -O0")  # quickly
    library.cache_clear()
    why_not_native.cache_clear()
    yield tmp_path / "native"
    library.cache_clear()
    why_not_native.cache_clear()


def twins(cell: str, hidden: int, dtype: torch.dtype = torch.float64) -> tuple[Cell, Cell]:
    torch.manual_seed(1)
    made = [CELLS[cell](F, hidden_size=hidden, kernel=name).to(dtype) for name in ("native", "loop")]
    with torch.no_grad():
        for parameter in made[0].parameters():
            parameter.uniform_(-1, 1).mul_(min(0.8, 1.5 * hidden**-0.5))  # more would amplify what is rounded
    made[1].load_state_dict(made[0].state_dict())
    return made[0], made[1]


def inputs(core: Cell, rows: int, steps: int) -> tuple[Tensor, tuple[Tensor, ...]]:
    torch.manual_seed(2)
    dtype = next(core.parameters()).dtype
    x = torch.randn(rows, steps, F, dtype=dtype, requires_grad=True)
    return x, tuple(torch.randn_like(leaf).requires_grad_() for leaf in core.initial_carry(rows))


def of_each(name: str, x: Tensor) -> Tensor:
    y = torch.empty_like(x)
    pointers = (ctypes.c_void_p(leaf.data_ptr()) for leaf in (x, y))
    getattr(library(x.dtype), name)(ctypes.c_int64(len(x)), *pointers)
    return y


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("name", "exact"), [("sigmoids", torch.sigmoid), ("tangents", torch.tanh)])
def test_its_functions_are_torchs(name: str, exact: Callable, dtype: torch.dtype) -> None:
    """Within four units in the last place, over all numbers that matter and those that are none."""
    small = torch.logspace(-12, 1, 20_001, dtype=torch.float64)
    x = torch.cat([torch.linspace(-20, 20, 40_001, dtype=torch.float64), small, -small]).to(dtype)
    found = of_each(name, x)
    torch.testing.assert_close(found.double(), exact(x.double()), rtol=4 * torch.finfo(dtype).eps, atol=0)

    odd = torch.tensor([torch.nan, torch.inf, -torch.inf, 1e30, -1e30, 0.0, -100.0] * 3, dtype=dtype)
    far_down = 1e-37  # where a sigmoid is not quite 0
    torch.testing.assert_close(of_each(name, odd), exact(odd), rtol=0, atol=far_down, equal_nan=True)


@each_cell
@pytest.mark.parametrize(("rows", "hidden"), [(1, 1), (6, 7), (7, 16), (13, 33), (20, 40)])
def test_rows_and_units_that_fill_no_register(cell: str, rows: int, hidden: int) -> None:
    native, loop = twins(cell, hidden)
    x, carry = inputs(native, rows, 18)
    found, expected = native(x, carry), loop(x, carry)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    by_hand, by_autograd = (
        gradients(weighted(*ran), core, x, carry) for ran, core in ((found, native), (expected, loop))
    )
    torch.testing.assert_close(by_hand, by_autograd, rtol=1e-9, atol=1e-10)


@each_cell
def test_single_precision(cell: str) -> None:
    """To its own rounding, 6e-8, summed over 40 units and 30 steps."""
    native, loop = twins(cell, 40, torch.float32)
    x, carry = inputs(native, 5, 30)
    wide = loop.double()
    found = native(x, carry)
    exact_x = x.detach().double().requires_grad_()
    exact_carry = tuple(leaf.detach().double().requires_grad_() for leaf in carry)
    exact = wide(exact_x, exact_carry)
    torch.testing.assert_close(found[0].double(), exact[0], rtol=1e-5, atol=1e-5)
    ours = torch.autograd.grad(found[0].square().sum(), [x, *carry, *native.parameters()])
    theirs = torch.autograd.grad(exact[0].square().sum(), [exact_x, *exact_carry, *wide.parameters()])
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))


@each_cell
def test_threads_change_no_number(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of unequal length over more threads than some steps have rows; each keeps to its own."""
    monkeypatch.setattr(_native, "LEAST_ROWS", 1)
    monkeypatch.setattr(_native, "LEAST_PRODUCTS", 1)
    core, _ = twins(cell, 5)
    x, carry = inputs(core, 7, 20)
    lengths = torch.tensor([20, 3, 20, 17, 1, 0, 12])
    before, ran = torch.get_num_threads(), []
    try:
        for threads in (1, 4):
            torch.set_num_threads(threads)
            out = core(x, carry, lengths)
            ran.append([*out[1], out[0], *gradients(weighted(*out), core, x, carry)])
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*ran, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)  # torch's own products may round otherwise
    assert torch.equal(ran[0][0], ran[1][0])


@each_cell
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_stays_so_and_in_its_row(cell: str, value: float) -> None:
    native, loop = twins(cell, 5)
    x, carry = inputs(native, 4, 9)
    x = x.detach().clone()
    x[1, 3, 0] = value
    found, expected = (core(x, tuple(leaf.detach() for leaf in carry)) for core in (native, loop))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12, equal_nan=True)
    for core in (native, loop):
        core.zero_grad()
        core(x, carry)[0].sum().backward()
    for one, other in zip(native.parameters(), loop.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert bool(one.grad.isfinite().all()) == bool(other.grad.isfinite().all())


def test_a_graph_that_is_kept_is_not_used_up() -> None:
    core, _ = twins("GRU", 5)
    x, carry = inputs(core, 4, 20)
    out = core(x, carry)[0].square().sum()
    first = torch.autograd.grad(out, [x, *core.parameters()], retain_graph=True)
    assert all(map(torch.equal, first, torch.autograd.grad(out, [x, *core.parameters()])))


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("CC", "/nonexistent/cc", "no C compiler, /nonexistent/cc was not found; install one or set CC"),
        ("CC", "false", "false cannot compile it: no reason given"),
        ("ELMAN_NATIVE", "off", "ELMAN_NATIVE is off"),
    ],
)
def test_without_it_there_is_the_scan(
    variable: str, value: str, why: str, nothing_built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    core = GRU(F)
    assert kernels_of(core) == {"stack": Choice("scan", 10)}
    assert why in why_without(core, "cpu")
    assert kernels_of(LSTM(F)) == {"stack": Choice("fused")}
    assert not why_without(GRU(F, kernel="scan"), "cpu")
    with pytest.raises(ValueError, match=f"^kernel='native' is not to be had: .*{why}.*; or use kernel auto"):
        GRU(F, kernel="native")
    use_kernels(core, {"stack": ["native", 4, 0.0]})  # of a run that began where it was
    assert in_words(kernels_of(core)) == "scan"
    assert why in why_without(core, "cpu")
    core(torch.zeros(2, 20, F), core.initial_carry(2))[0].sum().backward()


def test_it_is_built_once_by_whoever_comes_first(
    nothing_built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(library.__wrapped__, [torch.float32] * 3))
    (made,) = nothing_built.iterdir()
    assert nothing_built.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(subprocess, "run", None)
    library(torch.float32)
    assert list(nothing_built.iterdir()) == [made]


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_others_may_have_written_is_not_loaded(what: str, nothing_built: Path) -> None:
    library(torch.float32)
    library.cache_clear()
    (made,) = nothing_built.iterdir()
    (made if what == "file" else nothing_built).chmod(0o777)
    assert "can be written by others: chmod go-w it" in why_not_native("cpu", torch.float32)


def test_a_change_of_source_flags_or_compiler_builds_anew(
    nothing_built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library(torch.float32)
    library(torch.float64)
    library.cache_clear()
    monkeypatch.setenv("CC", "cc -O0 -g")
    library(torch.float32)
    library.cache_clear()
    changed = tmp_path / "changed.c"
    changed.write_text(SOURCE.read_text() + "\n")
    monkeypatch.setattr("elman.cores._build.SOURCE", changed)
    library(torch.float32)
    assert len(list(nothing_built.iterdir())) == 4


def test_to_import_elman_and_to_read_its_help_builds_nothing(nothing_built: Path) -> None:
    code = "import elman, elman.cores, elman.tasks; from elman.cli import main; main(['fit', '--help'])"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    assert "--model.core" in ran.stdout, ran.stderr
    assert not nothing_built.exists()
