"""What has learned nothing reaches, against entropies and variances worked out by hand."""

import math

import pytest
import torch

from datamodules.synthetic import Adding, CopyMemory, Echo
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch, at_first_step
from elman.tasks.chance import chance_levels
from elman.tasks.loss import BinaryCrossEntropy, CrossEntropy, SquaredError


class Written(Generated):
    """Targets as given; the last step is not scored."""

    input_size, output_size, token_ids = 1, 3, False

    def __init__(self, y):
        super().__init__(steps=len(y), batch_size=1, batches_per_sequence=1, val_batches=1, seed=0)
        self.y = torch.tensor(y)[None]

    def batch(self, part, index):
        scored = torch.ones(1, self.steps, dtype=torch.bool)
        scored[0, -1] = False
        return SequenceBatch(
            x=torch.zeros(1, self.steps, 1),
            y=self.y,
            scored=scored,
            lengths=torch.tensor([self.steps]),
            begins=at_first_step(torch.ones(1, dtype=torch.bool), self.steps),
        )

    def metadata(self):
        return {}


def test_classes():
    """Of four targets three are 0 and one is 2; the fifth is not scored."""
    found = chance_levels(CrossEntropy(), Written([0, 0, 2, 0, 1]), outputs=3)
    nats = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found == pytest.approx(
        {"val/nats_per_step": nats, "val/bits_per_step": nats / math.log(2), "val/accuracy": 0.75}, rel=1e-5
    )


def test_values():
    """Mean 2 of 1, 2, 2, 3: a variance of 0.5."""
    found = chance_levels(SquaredError(), Written([[1.0], [2.0], [2.0], [3.0], [99.0]]), outputs=1)
    assert found == pytest.approx({"val/mse": 0.5, "val/rmse": 0.5**0.5})


def test_answers_of_yes_or_no():
    found = chance_levels(BinaryCrossEntropy(), Written([[1.0], [0.0], [0.0], [1.0], [1.0]]), outputs=1)
    assert found == pytest.approx({"val/nats_per_step": math.log(2)})


def test_what_data_state_counts_where_it_is_better():
    """Nearly all targets of `CopyMemory` are blank, but when a symbol is due can be told by counting."""
    data = CopyMemory(blanks=20)
    found = chance_levels(CrossEntropy(), data, outputs=data.output_size)
    assert found["val/nats_per_step"] == data.metadata()["baseline_nats"]
    assert found["val/bits_per_step"] == pytest.approx(found["val/nats_per_step"] / math.log(2))


@pytest.mark.parametrize(
    ("data", "loss", "name", "expected"),
    [
        (Echo(lag=2, steps=12), CrossEntropy(), "val/bits_per_step", 1.0),
        (Adding(steps=10), SquaredError(), "val/mse", 1 / 6),
    ],
)
def test_synthetic_data(data, loss, name, expected):
    assert chance_levels(loss, data, outputs=data.output_size)[name] == pytest.approx(expected, rel=0.05)
