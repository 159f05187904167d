"""Metrics of a part whose batches are of several sorts: those of all, and of each sort apart."""

import pytest
import torch

from datamodules.synthetic import RegularLanguage
from elman.cores import Elman
from elman.tasks import SequenceTask
from elman.tasks.evaluation import Evaluation


def test_each_sort_has_its_own_metrics():
    torch.manual_seed(0)
    data = RegularLanguage(batch_size=50, test_steps=[3, 7], val_batches=5)
    task = SequenceTask(input_size=2, output_size=2, token_ids=True, core=Elman)
    loader = data.test_dataloader()

    def metrics(kept, *, named):
        evaluation = Evaluation("test", task.objective, loader if named else None, window=4)
        with torch.no_grad():
            for index, batch in enumerate(loader):
                if index in kept:
                    evaluation.add(batch, index=index)
        return evaluation.metrics(ranks=1, scale=None)

    found = metrics(range(5), named=True)
    once = task.objective.steps_run
    expected = metrics(range(5), named=False)
    assert task.objective.steps_run == 2 * once  # sorts are scored on the way
    for suffix, kept in {"_at_3": (0, 2, 4), "_at_7": (1, 3)}.items():
        expected |= {f"{name}{suffix}": value for name, value in metrics(kept, named=False).items()}
    assert found == pytest.approx(expected, rel=1e-12)
    assert found["test/accuracy_at_3"] != found["test/accuracy_at_7"]
