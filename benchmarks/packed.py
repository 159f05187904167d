"""Short texts of unequal length: packed rows against batches of like length, and against plainly padded ones.

    OMP_NUM_THREADS=1 python benchmarks/packed.py [--rounds 15] [--batch-size 32] [--steps 100]

Steps that exist, trained in a second, through elman's trainer with MLflow tracking on a fresh SQLite
store: data read by `LabelledText`, embedding of 64, a layer of 128, `Full`. One process and one network;
blocks of batches in turn: packed, bucketed, padded (texts as they come, each batch as long as its longest),
packed once more, which against the first shows how far identical code differs. Printed are medians over the
rounds of the ratio of a round's blocks, and their quartiles. `--clock processor` counts the time of this
process alone, for a machine that has other work, too.

A packed batch of as many rows holds more steps than a padded one, so it makes fewer updates, of more steps
each. `alike` has fewer rows: as many updates an epoch as padded batches make.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from datamodules import Batching, LabelledText
from datamodules.batches import Batches
from datamodules.collecting.plans import Bucketed, Plan, Rows, longest, steps_of
from elman.batch import SequenceBatch
from elman.bptt import Full
from elman.cores import GRU, LSTM
from elman.recipes.training import Training
from elman.run.trainer import make_trainer, prepare_process
from elman.tasks import SequenceTask
from elman.tracking.logger import RunLogger

CORES = {"GRU": GRU, "LSTM": LSTM}
SHORTEST, LONGEST, TEXTS, WORDS = 5, 100, 6000, 1000
BLOCK_STEPS = 20_000
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


class AsTheyCome(Bucketed):
    """The examples of a batch are of any lengths."""

    def batches_of_epoch(self, number: int) -> list[Rows]:
        order = np.random.default_rng([self.seed or 0, number]).permutation(len(self.lengths))
        return self._cut(order)


@dataclass(frozen=True, kw_only=True)
class Padded(Batching):
    """Batches of examples as they come."""

    def plan(self, lengths: np.ndarray, *, train: bool) -> Plan:
        return AsTheyCome(lengths, rows=self.batch_size, max_steps=None, seed=self.seed)


def texts(kind: str, folder: Path) -> Path:
    """A table of texts of random words and their labels."""
    draw = np.random.default_rng(1)
    lengths = {
        "uniform": draw.integers(SHORTEST, LONGEST + 1, TEXTS),
        "geometric": np.minimum(SHORTEST - 1 + draw.geometric(1 / 20, TEXTS), LONGEST),
    }[kind]
    rows = [" ".join(f"w{i}" for i in draw.integers(0, WORDS, length)) for length in lengths]
    file = folder / f"{kind}.csv"
    lines = [f"{text},{label}" for text, label in zip(rows, draw.integers(0, 2, TEXTS), strict=True)]
    file.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    return file


def arms(file: Path, *, rows: int, steps: int | None) -> dict[str, LabelledText]:
    """Data modules over the same texts, ready to be read."""
    batchings: dict[str, Batching] = {
        "packed": Batching(batch_size=rows, packed=True, steps=steps),
        "bucketed": Batching(batch_size=rows),
        "padded": Padded(batch_size=rows),
    }
    made: dict[str, LabelledText] = {}
    for name, batching in batchings.items():
        made[name] = ready(file, batching)
    alike = round(rows * updates_of(made["packed"]) / updates_of(made["padded"]))
    made["alike"] = ready(file, replace(batchings["packed"], batch_size=max(1, alike)))
    made["packed again"] = ready(file, batchings["packed"])
    return made


def ready(file: Path, batching: Batching) -> LabelledText:
    data = LabelledText(path=str(file), batching=batching)
    data.prepare_data()
    data.setup("fit")
    return data


def updates_of(data: LabelledText) -> int:
    """Batches of an epoch."""
    return len(epoch(data))


def epoch(data: LabelledText) -> list[Rows]:
    assert data._examples is not None
    lengths = data._examples.lengths[data.parts[0]]
    return data.batching.plan(lengths, train=True).batches_of_epoch(0)


def used(data: LabelledText) -> float:
    """Share of an epoch's steps that exist."""
    batches = epoch(data)
    exist = sum(steps_of(row) for rows in batches for row in rows)
    return exist / sum(len(rows) * longest(rows) for rows in batches)


class InTurn:
    """Batches of one arm for a block, then of the next; the time of each block, metrics flushed."""

    def __init__(self, loaders: dict[str, Batches], *, rounds: int, clock: str, logger: RunLogger) -> None:
        self.loaders, self.rounds, self.clock, self.logger = loaders, rounds, CLOCKS[clock], logger
        self.rates: dict[str, list[float]] = {name: [] for name in loaders}
        self.trainer: pl.Trainer | None = None

    def __len__(self) -> int:
        return 10**9

    def __iter__(self) -> Iterator[SequenceBatch]:
        upcoming = {name: iter(loader) for name, loader in self.loaders.items()}
        for _ in range(self.rounds + 1):
            for name, batches in upcoming.items():
                began, steps = self.clock(), 0
                while steps < BLOCK_STEPS:
                    batch = next(batches)
                    yield batch
                    steps += int(batch.lengths.sum())
                self.logger.flush()
                self.rates[name].append(steps / (self.clock() - began))
        assert self.trainer is not None
        self.trainer.should_stop = True
        yield batch


def measure(
    core: str, data: dict[str, LabelledText], *, rounds: int, clock: str, folder: Path
) -> dict[str, list[float]]:
    """Steps a second of every arm, a number a round; the first round warms up."""
    settings = Training(max_time_steps=10**12, accelerator="cpu", threads=torch.get_num_threads())
    prepare_process(settings)
    torch.manual_seed(1)
    some = data["packed"]
    task = SequenceTask(
        input_size=some.input_size,
        output_size=some.output_size,
        token_ids=True,
        core=lambda width: CORES[core](width, hidden_size=128),
        bptt=Full(),
        embedding=64,
    )
    task.max_time_steps = settings.max_time_steps
    logger = RunLogger(experiment="packed", tracking_uri=f"sqlite:///{folder}/mlflow.db")
    loaders = {name: each.train_dataloader() for name, each in data.items()}
    in_turn = InTurn(loaders, rounds=rounds, clock=clock, logger=logger)
    in_turn.trainer = make_trainer(
        settings,
        folder=folder / "checkpoints",
        monitor="val/loss",
        steps_per_batch=BLOCK_STEPS,
        max_time_steps=settings.max_time_steps,
        logger=logger,
    )
    in_turn.trainer.limit_val_batches = 0
    in_turn.trainer.fit(task, train_dataloaders=in_turn)
    logger.close()
    return {name: rates[1:] for name, rates in in_turn.rates.items()}


def ratio(one: list[float], other: list[float]) -> str:
    """Median of a / b over the rounds, and the quartiles."""
    low, middle, high = statistics.quantiles((a / b for a, b in zip(one, other, strict=True)), n=4)
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--steps", type=int, help="of a packed row; null: as many as the longest text has")
    parser.add_argument("--cores", nargs="+", default=list(CORES))
    parser.add_argument("--lengths", nargs="+", default=["uniform", "geometric"])
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    given = parser.parse_args()
    for kind in given.lengths:
        with tempfile.TemporaryDirectory() as name:
            data = arms(texts(kind, Path(name)), rows=given.batch_size, steps=given.steps)
            shares = ", ".join(
                f"{arm} {used(each):.3f} in {updates_of(each)} updates" for arm, each in data.items()
            )
            print(f"{kind}: steps that exist: {shares}", flush=True)
            for core in given.cores:
                rates = measure(core, data, rounds=given.rounds, clock=given.clock, folder=Path(name))
                pairs = [("packed", "padded"), ("alike", "padded"), ("bucketed", "padded")]
                pairs += [("packed", "bucketed"), ("packed", "packed again")]
                ratios = ", ".join(f"{a} / {b} {ratio(rates[a], rates[b])}" for a, b in pairs)
                rate = statistics.median(rates["packed"])
                print(f"{kind}, {core}: {ratios}; packed {rate:,.0f} steps/s", flush=True)


if __name__ == "__main__":
    main()
