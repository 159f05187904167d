"""Vectors of token ids, and tokens that are dropped in training."""

from __future__ import annotations

import pytest
import torch

from elman.batch import whole
from elman.inputs import Embedding
from elman.tasks import SequenceTask


def task_of(**options) -> SequenceTask:
    torch.manual_seed(1)
    return SequenceTask(input_size=9, output_size=9, token_ids=True, **options)


def test_first_values_and_dropout() -> None:
    torch.manual_seed(1)
    vectors = Embedding(1000, 20, std=0.1, dropout=0.5)
    assert float(vectors.weight.std()) == pytest.approx(0.1, rel=0.02)
    ids = torch.arange(1000)[None]
    dropped = vectors(ids)
    assert float((dropped == 0).float().mean()) == pytest.approx(0.5, abs=0.02)
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], 2 * vectors.weight[None][kept])
    assert torch.equal(vectors.eval()(ids)[0], vectors.weight)


def test_dropped_tokens_are_unknown_in_training_alone() -> None:
    task = task_of(token_dropout=0.25)
    batch = whole(torch.randint(1, 9, (50, 40)), torch.randint(0, 9, (50, 40)))
    read = task.network.preprocess(batch)
    unread = read.x != batch.x
    assert not read.x[unread].any()
    assert float(unread.float().mean()) == pytest.approx(0.25, abs=0.03)
    assert torch.equal(read.y, batch.y)
    assert task.eval().network.preprocess(batch) is batch


def test_values_out_of_range() -> None:
    with pytest.raises(ValueError, match="embedding_dropout"):
        task_of(embedding=3, embedding_dropout=1.0)
    with pytest.raises(ValueError, match="set embedding, got embedding_dropout"):
        task_of(embedding_dropout=0.5)
    with pytest.raises(ValueError, match="embedding_std"):
        task_of(embedding=3, embedding_std=0.0)
    with pytest.raises(ValueError, match="token_dropout"):
        task_of(token_dropout=-0.1)
    with pytest.raises(ValueError, match="token_dropout is for data of tokens"):
        SequenceTask(input_size=2, output_size=2, token_ids=False, token_dropout=0.1)
