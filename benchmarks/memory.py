"""How much memory the activations of a strategy need, as sequences grow.

    python benchmarks/memory.py

Each line is a process of its own: an LSTM of 64 units reads 8 rows of T random symbols; printed is the
peak of resident memory during one pass of forward and backward beyond what was resident before it
(network, input and a first short pass included). At the end, the gradients of `Checkpointed` and `Full`
are compared in one process.
"""

from __future__ import annotations

import argparse
import ctypes
import resource
import subprocess
import sys

import psutil
import torch

from elman.batch import SequenceBatch, whole
from elman.bptt import BackpropThroughTime, Checkpointed, Full, Split, Truncated
from elman.cores import LSTM
from elman.tasks import SequenceTask

ROWS, SYMBOLS, WIDTH = 8, 32, 64
STRATEGIES: dict[str, BackpropThroughTime] = {
    "Full()": Full(),
    "Checkpointed()": Checkpointed(),
    "Checkpointed(revolve, slots=10)": Checkpointed(schedule="revolve", slots=10),
    "Checkpointed(memory=4)": Checkpointed(memory=4),
    "Checkpointed(memory=16)": Checkpointed(memory=16),
    "Checkpointed(memory=64)": Checkpointed(memory=64),
    "Truncated(k1=50, k2=100)": Truncated(k1=50, k2=100),
    "Split(k=100)": Split(k=100),
}
LENGTHS = {
    "Full()": [1_000, 10_000],
    "Checkpointed()": [1_000, 10_000, 100_000],
    "Checkpointed(revolve, slots=10)": [1_000, 10_000],
    "Checkpointed(memory=4)": [1_000, 10_000],
    "Checkpointed(memory=16)": [1_000, 10_000, 100_000],
    "Checkpointed(memory=64)": [1_000, 10_000],
    "Truncated(k1=50, k2=100)": [1_000, 10_000, 100_000],
    "Split(k=100)": [1_000, 10_000, 100_000],
}


def make(bptt: BackpropThroughTime) -> SequenceTask:
    torch.manual_seed(1)
    return SequenceTask(
        input_size=SYMBOLS,
        output_size=SYMBOLS,
        token_ids=True,
        core=lambda inputs: LSTM(inputs, hidden_size=WIDTH),
        bptt=bptt,
        embedding=WIDTH,
    )


def make_batch(steps: int) -> SequenceBatch:
    ids = torch.randint(SYMBOLS, (ROWS, steps + 1), generator=torch.Generator().manual_seed(2))
    return whole(ids[:, :-1].contiguous(), ids[:, 1:].contiguous())


def gradient(task: SequenceTask, batch: SequenceBatch) -> list[torch.Tensor]:
    """The summed gradient of one pass."""
    task.zero_grad()
    for update in task.bptt.losses(
        task.objective, batch, task.bptt.first_state(task.network.core.initial_carry(ROWS))
    ):
        if update.loss is not None:
            update.loss.backward()
    return [p.grad.clone() for p in task.parameters()]


def growth(name: str, steps: int) -> float:
    """MiB of peak memory that one pass adds, in this process."""
    task, batch = make(STRATEGIES[name]), make_batch(steps)
    gradient(task, make_batch(200))  # what is allocated once
    ctypes.CDLL(None).malloc_trim(0)
    before = psutil.Process().memory_info().rss
    reset_peak()
    gradient(task, batch)
    return (peak() - before) / 2**20


def reset_peak() -> None:
    """Linux: forget the peak so far."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak() -> int:
    """Bytes of peak resident memory since `reset_peak`."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def difference(steps: int) -> float:
    """Largest difference between the gradients of Checkpointed and Full, by the largest entry."""
    batch = make_batch(steps)
    full, again = (gradient(make(bptt), batch) for bptt in (Full(), Checkpointed()))
    return max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(full, again, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--one", nargs=2, metavar=("STRATEGY", "STEPS"), help="measure one line in this process"
    )
    given = parser.parse_args()
    if given.one:
        print(growth(given.one[0], int(given.one[1])))
        return
    print(f"{'strategy':28}{'steps T':>10}{'peak growth, MiB':>20}")
    found: dict[tuple[str, int], float] = {}
    for name, lengths in LENGTHS.items():
        for steps in lengths:
            run = subprocess.run(
                [sys.executable, __file__, "--one", name, str(steps)],
                check=True,
                capture_output=True,
                text=True,
            )
            found[name, steps] = float(run.stdout)
            print(f"{name:28}{steps:>10,}{found[name, steps]:>20.1f}", flush=True)
    share = found["Checkpointed()", 10_000] / found["Full()", 10_000]
    print(f"Checkpointed needs {share:.3f} of Full's memory at T = 10,000;")
    print(f"their gradients differ by {difference(10_000):.1e} of the largest entry (float32).")


if __name__ == "__main__":
    main()
