"""What `from elman import ...` gives, and what it imports for that."""

import subprocess
import sys

import pytest

import elman
import elman.cores
import elman.tasks


def test_public_names_are_those_of_the_rooms():
    from elman import GRU, BadInput, SequenceBatch, SequenceTask, Truncated

    assert (GRU, SequenceTask) == (elman.cores.GRU, elman.tasks.SequenceTask)
    assert {GRU.__name__, "Truncated", "SequenceTask", "SequenceBatch", "BadInput"} <= set(elman.__all__)
    assert set(elman.__all__) <= set(dir(elman))
    assert all(made.__name__ in elman.__all__ for made in (BadInput, SequenceBatch, Truncated))
    assert len(elman.__all__) == len(set(elman.__all__))


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = elman.Nothing


@pytest.mark.parametrize(
    ("statement", "absent"),
    [("import elman", "torch"), ("from elman import BadInput", "torch"), ("from elman import GRU", "mlflow")],
)
def test_only_what_is_asked_for_is_imported(statement, absent):
    program = f"import sys; {statement}; print({absent!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
