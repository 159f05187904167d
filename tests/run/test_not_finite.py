"""Data and weights that are not finite: named, refused, and never a run that ended well."""

import pytest

from elman.cli import main

RECIPE = """\
# Does it say so?
model:
  core: {class_path: LSTM, init_args: {hidden_size: 4}}
  bptt: {class_path: Full}
  loss: {class_path: SquaredError}
data: {class_path: toy_data.Spoilt}
trainer: {max_time_steps: 640, val_every: 64, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""


@pytest.fixture
def ended(folder, capsys):
    """Run a command; its exit code, what it printed, and the line of its error."""
    folder.write("r.yaml", RECIPE)

    def run(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err.strip()

    return run


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "val/mse is nan: validation batch 1 holds nan in the inputs of row 1, step 3; "),
        (("--data.value=.inf",), "validation batch 1 holds inf in the inputs of row 1, step 3; "),
        (("--data.target=true",), "validation batch 1 holds nan in the targets of row 1, step 7; "),
        (
            ("--data.names=true",),
            "validation batch 1 holds nan in the inputs of row 1 (clip 1.npy), step 3; ",
        ),
        (("--data.part=test", "--trainer.test_after=true"), "test/mse is nan: test batch 1 holds nan in "),
        (
            ("--data.part=train", "--model.skip_at_most=0"),
            "skip_at_most=0 allows: training batch 1 holds nan in the inputs of row 1, step 3; ",
        ),
    ],
)
def test_the_data_is_named(ended, folder, options, said):
    code, _, line = ended("fit", "r.yaml", *options)
    assert (code, folder.run().info.status) == (2, "FAILED")
    assert said in line
    assert line.endswith("; mend the data or leave that out")
    code, *_ = ended("fit", "r.yaml", *options, "--data.value=0.5")  # as it says
    assert (code, folder.runs()[0].info.status) == (0, "FINISHED")


def test_a_checkpoint_is_not_scored_on_bad_data(ended, folder):
    assert ended("fit", "r.yaml", "--data.value=0.5")[0] == 0
    best = next(folder.path.glob("checkpoints/*/best.ckpt"))
    code, out, line = ended("validate", best, "--data.value=.nan", "--trust=toy_data")
    assert (code, out) == (2, "")
    assert "validation batch 1 holds nan in the inputs of row 1, step 3" in line


def test_weights_that_leave_all_numbers(ended, folder):
    """Data is good, every validation is infinite: there is no best checkpoint, and that is no success."""
    away = ("--data.value=0.5", "--model.optimizer=SGD", "--model.clip=null", "--model.skip_at_most=1000")
    code, _, line = ended("fit", "r.yaml", *away, "--model.optimizer.lr=1e35")
    assert (code, folder.run().info.status) == (2, "FAILED")
    assert line == (
        "elman: error: val/mse was not finite in any of 10 validations, so there is no best checkpoint; "
        "lower the learning rate or model.clip"
    )
    assert ended("fit", "r.yaml", *away, "--model.optimizer.lr=1e-3")[0] == 0


def test_a_validation_in_which_nothing_is_scored(ended, folder):
    code, _, line = ended("fit", "r.yaml", "--data=toy_data.Unscored")
    assert (code, folder.run().info.status) == (2, "FAILED")
    assert "validation has no val/mse, since none of its steps is scored" in line
