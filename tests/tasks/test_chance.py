"""What has learned nothing reaches, against entropies and variances worked out by hand."""

import math

import pytest
import torch

from datamodules.synthetic import Adding, CopyMemory, Echo
from datamodules.synthetic.generated import Generated
from elman.batch import SequenceBatch, at_first_step
from elman.tasks.chance import Targets, chance_levels, targets_of
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


def levels(loss, data, outputs):
    return chance_levels(loss, targets_of(data, outputs=outputs), data)


def test_classes():
    """Of four targets three are 0 and one is 2; the fifth is not scored."""
    found = levels(CrossEntropy(), Written([0, 0, 2, 0, 1]), 3)
    nats = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert found == pytest.approx(
        {"val/nats_per_step": nats, "val/bits_per_step": nats / math.log(2), "val/accuracy": 0.75}, rel=1e-5
    )


def test_values():
    """Mean 2 of 1, 2, 2, 3: a variance of 0.5."""
    found = levels(SquaredError(), Written([[1.0], [2.0], [2.0], [3.0], [99.0]]), 1)
    assert found == pytest.approx({"val/mse": 0.5, "val/rmse": 0.5**0.5})


def test_answers_of_yes_or_no():
    found = levels(BinaryCrossEntropy(), Written([[1.0], [0.0], [0.0], [1.0], [1.0]]), 1)
    assert found == pytest.approx({"val/nats_per_step": math.log(2)})


def test_what_data_state_counts_where_it_is_better():
    """Nearly all targets of `CopyMemory` are blank, but when a symbol is due can be told by counting."""
    data = CopyMemory(blanks=20)
    found = levels(CrossEntropy(), data, data.output_size)
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
    assert levels(loss, data, data.output_size)[name] == pytest.approx(expected, rel=0.05)


def test_balanced_classes_have_the_entropy_of_their_weights():
    """Weights 2/3 and 2 of targets 0, 0, 0, 1 make both classes alike; accuracy has no weights."""
    loss = CrossEntropy(balance=True)
    loss.weigh(torch.tensor([30, 10, 0]))
    found = levels(loss, Written([0, 0, 1, 0, 1]), 3)
    assert found["val/nats_per_step"] == pytest.approx(math.log(2))
    assert found["val/accuracy"] == 0.75


def test_a_row_s_own_units_scale_its_errors():
    """Targets -1 and 1 of a row whose 1 stands for 3, the mean being 0: an error of 3 in those units."""

    class Scaled(Written):
        def batch(self, part, index):
            return super().batch(part, index)._replace(scale=torch.tensor([[3.0]]))

    found = levels(SquaredError(), Scaled([[1.0], [-1.0], [1.0], [-1.0], [9.0]]), 1)
    assert found == pytest.approx({"val/mse": 1.0, "val/rmse": 3.0})


def test_repeating_counts_in_both_units():
    class Stating(Written):
        def metadata(self):
            return {"val_repeat_rmse": 0.1}

    found = levels(SquaredError(), Stating([[1.0], [2.0], [2.0], [3.0], [99.0]]), 1)
    assert found == pytest.approx({"val/mse": 0.01, "val/rmse": 0.1})


def test_where_one_answer_is_always_right_nothing_is_known():
    assert levels(CrossEntropy(), Written([2, 2, 2, 2, 0]), 3) == {}
    assert levels(SquaredError(), Written([[3.3]] * 5), 1) == {}


def test_many_targets_of_many_classes_take_no_room():
    """As many bytes as there are classes, not targets times classes."""
    found = Targets(50_000)
    batch = Written([0, 1, 2, 3, 4]).batch("val", 0)
    for _ in range(3):
        found.add(batch._replace(y=batch.y * 10_000))
    assert (found.count, found.sums.nbytes) == (12, 5 * 50_000 * 8)
    assert chance_levels(CrossEntropy(), found, Written([0]))["val/nats_per_step"] == pytest.approx(
        math.log(4)
    )
