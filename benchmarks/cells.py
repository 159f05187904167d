"""Cells against one another: time of an update, and what they learn by equally many numbers, in equal time.

    python benchmarks/cells.py [--parts speed,echo,copy,text] [--text input.txt] [--cells "MinGRU;LRU"]

Speed: forward, backward and Adam, ratios to `nn.GRU` and `nn.LSTM` in a loop written by hand, all cells in
turn in one process, the first once more for how far identical code differs; medians over rounds, of one layer
that reads two numbers.

Quality: every cell with two layers and about `--parameters` numbers, read-out included, trained by Adam at
one rate for all. It is validated after so many updates and after `--seconds` of processor time of training;
both are in the table. Echo: the bit of 10 steps ago, 50 steps. Copy: 10 tokens over 5 blanks, recall alone
scored. Text: a file's characters, the last tenth held out, in windows of 50 steps whose carry goes on.

Times are processor time of one thread, which others on the machine disturb less.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from datamodules.synthetic import CopyMemory, Echo
from elman.cores import (
    GRU,
    LRU,
    LSTM,
    QRNN,
    SRU,
    CoupledLSTM,
    Elman,
    LayerNormLSTM,
    MinGRU,
    MinLSTM,
    OriginalGRU,
    PeepholeLSTM,
    ProjectedLSTM,
)
from elman.tree import detached

Make = Callable[..., Any]


class ByTorch(nn.Module):
    """torch's module as a core."""

    def __init__(self, kind: type[nn.RNNBase], input_size: int, *, hidden_size: int, layers: int = 1) -> None:
        super().__init__()
        self.run = kind(input_size, hidden_size, num_layers=layers, batch_first=True)
        self.output_size = hidden_size

    def initial_carry(self, row_count: int) -> None:
        """None, which torch takes for zeros."""

    def forward(self, x: Tensor, carry: Any) -> tuple[Tensor, Any]:
        return self.run(x, carry)


CELLS: dict[str, Make] = {
    "nn.GRU": partial(ByTorch, nn.GRU),
    "nn.LSTM": partial(ByTorch, nn.LSTM),
    "Elman": Elman,
    "Elman, identity 1": partial(Elman, nonlinearity="relu", identity=1.0),
    "GRU": GRU,
    "OriginalGRU": OriginalGRU,
    "LSTM": LSTM,
    "LSTM, chrono": partial(LSTM, chrono_steps=50),
    "PeepholeLSTM": PeepholeLSTM,
    "CoupledLSTM": CoupledLSTM,
    "LayerNormLSTM": LayerNormLSTM,
    "ProjectedLSTM": ProjectedLSTM,
    "MinGRU": MinGRU,
    "MinLSTM": MinLSTM,
    "LRU": LRU,
    "QRNN": QRNN,
    "SRU": SRU,
}


class Network(nn.Module):
    """A core over one-hot tokens or numbers, and a read-out."""

    def __init__(self, make: Make, *, inputs: int, outputs: int, hidden_size: int, layers: int = 1) -> None:
        super().__init__()
        self.inputs = inputs
        self.core = make(inputs, hidden_size=hidden_size, layers=layers)
        self.readout = nn.Linear(self.core.output_size, outputs)

    def forward(self, x: Tensor, carry: Any) -> tuple[Tensor, Any]:
        out, carry = self.core(x if x.is_floating_point() else F.one_hot(x, self.inputs).float(), carry)
        return self.readout(out), carry


def of_size(make: Make, parameters: int, **sizes: int) -> Network:
    """The network whose number of parameters comes closest."""

    def count(hidden: int) -> int:
        with torch.device("meta"):
            return sum(p.numel() for p in Network(make, hidden_size=hidden, **sizes).parameters())

    low, high = 2, 4096
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= parameters else (low, middle)
    return Network(make, hidden_size=low, **sizes)


class Windows(NamedTuple):
    """Batches of one part without end, each with the carry of the one before or without.

    Args:
        train, val: (x, y, scored), each (B, T); val ends.
        goes_on: whether rows of a batch continue those of the last.
    """

    train: Iterator[tuple[Tensor, Tensor, Tensor]]
    val: list[tuple[Tensor, Tensor, Tensor]]
    inputs: int
    outputs: int
    goes_on: bool = False


def generated(data: Any) -> Windows:
    def batches(part: str, indices: Iterator[int]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        for index in indices:
            batch = data.batch(part, index)
            yield batch.x, batch.y, batch.scored

    def forever() -> Iterator[int]:
        index = 0
        while True:
            yield index
            index += 1

    val = list(batches("val", iter(range(8))))
    return Windows(batches("train", forever()), val, data.input_size, data.output_size)


def text(path: Path, *, rows: int = 32, steps: int = 50, val_windows: int = 40) -> Windows:
    letters = path.read_text()
    alphabet = {letter: number for number, letter in enumerate(sorted(set(letters)))}
    ids = torch.tensor([alphabet[letter] for letter in letters])
    cut = len(ids) * 9 // 10

    def lanes(ids: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        each = (len(ids) - 1) // rows
        x, y = (ids[shift : shift + rows * each].view(rows, each) for shift in (0, 1))
        for start in range(0, each - steps, steps):
            piece = y[:, start : start + steps]
            yield x[:, start : start + steps], piece, torch.ones_like(piece, dtype=torch.bool)

    def forever() -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        while True:
            yield from lanes(ids[:cut])

    val = [window for window, _ in zip(lanes(ids[cut:]), range(val_windows), strict=False)]
    return Windows(forever(), val, len(alphabet), len(alphabet), goes_on=True)


class Loop:
    """A training loop written by hand: one window is one update."""

    def __init__(self, network: nn.Module, windows: Windows, *, rate: float) -> None:
        self.network, self.windows = network, windows
        self.optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        self.carry: Any = None

    def start(self, rows: int) -> Any:
        return self.network.core.initial_carry(rows)

    def update(self) -> None:
        x, y, scored = next(self.windows.train)
        if self.carry is None or not self.windows.goes_on:
            self.carry = self.start(len(x))
        out, carry = self.network(x, self.carry)
        loss = F.cross_entropy(out[scored], y[scored])
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.carry = _detached(carry)

    @torch.no_grad()
    def nats(self) -> float:
        """A scored step's, of validation."""
        total, count, carry = 0.0, 0, None
        for x, y, scored in self.windows.val:
            carry = carry if carry is not None and self.windows.goes_on else self.start(len(x))
            out, carry = self.network(x, carry)
            total += float(F.cross_entropy(out[scored], y[scored], reduction="sum"))
            count += int(scored.sum())
        return total / count


def _detached(carry: Any) -> Any:
    return carry.detach() if isinstance(carry, Tensor) else detached(carry)


@dataclass(frozen=True)
class Quality:
    """A task, and what is spent on it.

    Args:
        windows: makes the data.
        title: the unit, and what guessing costs in it.
        updates: after which all are compared.
        unit: what a nat is multiplied by.
    """

    windows: Callable[[argparse.Namespace], Windows]
    title: str
    updates: int
    unit: float = 1.0


TASKS = {
    "echo": Quality(
        lambda given: generated(Echo(lag=10, steps=50, batch_size=16)),
        "bits of 1",
        updates=200,
        unit=1 / math.log(2),
    ),
    "copy": Quality(
        lambda given: generated(CopyMemory(blanks=5, batch_size=16, score="recall")),
        "nats of 2.08",
        updates=500,
    ),
    "text": Quality(lambda given: text(given.text), "bits", updates=400, unit=1 / math.log(2)),
}


def learned(name: str, task: Quality, given: argparse.Namespace) -> str:
    """A row of the table."""
    torch.manual_seed(given.seed)
    windows = task.windows(given)
    sizes = {"inputs": windows.inputs, "outputs": windows.outputs, "layers": 2}
    network = of_size(CELLS[name], given.parameters, **sizes)
    loop = Loop(network, windows, rate=given.rate)
    spent, updates, found = 0.0, 0, dict[str, float]()
    wanted = max(1, round(task.updates * given.updates))
    while len(found) < 2:
        began = time.thread_time()
        loop.update()
        spent, updates = spent + time.thread_time() - began, updates + 1
        if updates == wanted:
            found["updates"] = loop.nats() * task.unit
            by_update = 1000 * spent / updates
        if spent >= given.seconds and "seconds" not in found:
            found["seconds"] = loop.nats() * task.unit
            within = updates
    numbers = sum(p.numel() for p in network.parameters())
    return (
        f"| {name} | {network.core.output_size} | {numbers:,} | {by_update:.1f} | {found['updates']:.3f} | "
        f"{found['seconds']:.3f} | {within:,} |"
    )


class Work(NamedTuple):
    """Sizes of a batch whose last step is scored."""

    rows: int
    steps: int
    hidden: int


WORKS = {"B 64, T 1,000, H 128": Work(64, 1000, 128), "B 16, T 50, H 64": Work(16, 50, 64)}


def timed(names: list[str], work: Work, *, rounds: int) -> list[str]:
    """A row for every cell: its time to that of nn.GRU and of nn.LSTM in the same round, and in ms."""
    turns = [*dict.fromkeys(["nn.GRU", "nn.LSTM", *names]), "nn.GRU"]
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(work.rows, work.steps, 2, generator=draw)
    torch.manual_seed(1)
    loops = []
    for name in turns:
        network = Network(CELLS[name], inputs=2, outputs=2, hidden_size=work.hidden)
        loops.append((network, torch.optim.Adam(network.parameters())))
    times: list[list[float]] = []
    for _ in range(rounds + 1):  # the first is not counted
        times.append([])
        for network, optimizer in loops:
            began = time.thread_time()
            out, _ = network(x, network.core.initial_carry(work.rows))
            optimizer.zero_grad()
            F.mse_loss(out[:, -1], x[:, 0]).backward()
            optimizer.step()
            times[-1].append(time.thread_time() - began)
    found = []
    for number, name in enumerate(turns):
        by_gru, by_lstm = (statistics.median(t[number] / t[other] for t in times[1:]) for other in (0, 1))
        label = f"{name}, again" if number == len(turns) - 1 else name
        ms = 1000 * statistics.median(t[number] for t in times[1:])
        found.append(f"| {label} | {by_gru:.2f} | {by_lstm:.2f} | {ms:.1f} |")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default="speed,echo,copy,text")
    parser.add_argument("--cells", default=";".join(CELLS), help="names, with a semicolon between")
    parser.add_argument("--text", type=Path, help="a file of text; without it that part is left out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parameters", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=3e-3, help="Adam's")
    parser.add_argument("--seconds", type=float, default=8.0, help="of training, for the comparison in time")
    parser.add_argument("--updates", type=float, default=1.0, help="share of the task's updates")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    names, parts = given.cells.split(";"), given.parts.split(",")
    if "speed" in parts:
        for title, work in WORKS.items():
            print(f"\n{title}, {given.rounds} rounds\n\n| cell | to nn.GRU | to nn.LSTM | ms |")
            print("\n".join(timed(names, work, rounds=given.rounds)), flush=True)
    for part, task in TASKS.items():
        if part not in parts or (part == "text" and given.text is None):
            continue
        print(f"\n{part}, {task.title}: {task.updates * given.updates:.0f} updates, {given.seconds:g} s")
        print("\n| cell | outputs | parameters | ms an update | after updates | in time | updates in time |")
        for name in names:
            print(learned(name, task, given), flush=True)


if __name__ == "__main__":
    main()
