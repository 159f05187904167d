import sys
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "run"))  # for `launching`
sys.path.insert(0, str(Path(__file__).parent))

from group_toys import ForkedRun

from elman.groups import group
from elman.groups.training import Training


@pytest.fixture
def forked(monkeypatch):
    """Runs of a group are forks of a process that has imported all, which costs nothing."""
    monkeypatch.setattr(group, "Training", partial(Training, begin=ForkedRun))
