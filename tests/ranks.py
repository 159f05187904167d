"""Training by every strategy on some of the rows, here or as one of processes that train together."""

from __future__ import annotations

import copy
import itertools
import os
from functools import partial
from pathlib import Path
from typing import Any

import torch
from strategy_rows import EVERY, name
from task_toys import FEATURES, VALUES, fit, make_task, weights

from elman.batch import SequenceBatch, at_first_step
from elman.bptt import DiagonalRTRL, Truncated
from elman.cores import GRU, IndRNN
from elman.run.parallel import FlatGradientStrategy

LENGTHS = ((9, 21, 5, 7, 4), (17, 3, 12, 6, 15), (4, 8, 14, 21, 3))  # of each batch's rows
ROWS = {2: ((0, 2, 4), (1, 3)), 4: ((0, 4), (1,), (2,), (3,))}
KINDS = list({(type(bptt), getattr(bptt, "scored", "")): bptt for bptt in EVERY}.values())
TABLE = {2: EVERY, 4: KINDS}
"""By the number of processes, what they train by: all, and one of each whose state has a shape of its own."""


def batches(rows: tuple[int, ...]) -> list[SequenceBatch]:
    """As long as the longest of these rows; some windows of all of them have no scored step."""
    found = []
    for number, lengths in enumerate(torch.tensor(LENGTHS)[:, list(rows)]):
        draw, steps = torch.Generator().manual_seed(number), int(lengths.max())
        x, y = (torch.randn(5, 21, n, generator=draw, dtype=torch.float64) for n in (FEATURES, VALUES))
        at, begins = torch.arange(steps), at_first_step(torch.ones(len(rows), dtype=torch.bool), steps)
        scored = (at < lengths[:, None]) & ~((at > 5) & (at < 11))
        own = list(rows)
        begins |= (at == 2) & (torch.tensor(own)[:, None] > 0)  # rows 1 and 2 hold two sequences
        found.append(SequenceBatch(x[own, :steps], y[own, :steps], scored, lengths, begins))
    return found


class Signs:
    """Random signs that depend on batch, draw and row alone, so that rows may lie in any process."""

    def __init__(self, rows: tuple[int, ...]) -> None:
        self.rows, self.seeds = rows, itertools.count()

    def begin(self, batch: int) -> None:
        self.seeds = itertools.count(1000 * batch)

    def __call__(self, like: torch.Tensor) -> torch.Tensor:
        draw = torch.Generator().manual_seed(next(self.seeds))
        everywhere = torch.randint(0, 2, (5, *like.shape[1:]), generator=draw)
        return everywhere[list(self.rows)].to(like) * 2 - 1


def processes(count: int) -> dict[str, Any]:
    if count == 1:
        return {}
    strategy = FlatGradientStrategy(process_group_backend="gloo")
    return {"devices": count, "accelerator": "auto", "strategy": strategy}


def trained(rows: tuple[int, ...], *, table: list[Any], count: int = 1) -> dict[str, list[torch.Tensor]]:
    """By the name of each strategy: the weights it ends with, and the last draw's credit.

    Args:
        rows: of this process.
        table: the strategies.
        count: processes that train together.
    """
    from elman.bptt import kf_rtrl, uoro

    found = {}
    for bptt in copy.deepcopy(table):
        signs, begin = Signs(rows), bptt.begin
        uoro.signs = kf_rtrl.signs = signs

        def begun(batch: int, begin=begin, signs=signs) -> None:
            signs.begin(batch)
            begin(batch)

        bptt.begin = begun
        cell = IndRNN if isinstance(bptt, DiagonalRTRL) else GRU
        optimizer = partial(torch.optim.SGD, lr=0.1)
        gradient = "autograd" if count == 1 else "auto"  # so that by hand, in several, is by autograd, in one
        task = make_task(bptt=bptt, core=partial(cell, hidden_size=4), optimizer=optimizer, gradient=gradient)
        fit(task, batches(rows), **processes(count))
        del bptt.begin
        credit = bptt.drawn_credit(21).double() if bptt.credit_holds == "always" else torch.zeros(0)
        found[name(bptt)] = [weights(task), credit]
    core = partial(GRU, hidden_size=4, weight_dropout=0.4)
    task = make_task(bptt=Truncated(k1=3, k2=7), core=core)
    torch.manual_seed(40 + rows[0])  # of processes, the first one's is that of one
    fit(task, batches(rows), **processes(count))
    found["weight dropout"] = [weights(task), torch.zeros(0)]
    return found


def train(rank: int, count: int, port: int, path: str) -> None:
    """As one of `count` processes."""
    os.environ.update(
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        LOCAL_RANK=str(rank),
        NODE_RANK="0",
        OMP_NUM_THREADS="1",
    )
    torch.set_num_threads(1)
    torch.save(trained(ROWS[count][rank], table=TABLE[count], count=count), Path(path) / f"{rank}.pt")
