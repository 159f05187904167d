"""What a batch knows of its masks."""

from __future__ import annotations

import torch

from elman.batch import whole


def test_what_is_known_of_masks_is_true_after_they_were_written_to() -> None:
    """Windows that are all alike do not share what somebody may write to."""
    batch = whole(torch.zeros(2, 9, 1), torch.zeros(2, 9, 1))
    first, second = batch.window(3, 6), batch.window(3, 6)
    assert first.plain
    assert (first.scored_count, first.first_rows, first.begins_inside) == (6, 0, False)
    first.scored[0, 1] = False
    first.begins[1, 0] = first.begins[1, 2] = True
    first.lengths[0] = 2
    assert (first.scored_count, first.first_rows, first.begins_inside) == (5, 1, True)
    assert first.is_first.tolist() == [False, True]
    assert not first.plain
    assert not first.complete
    for untouched in (second, batch.window(3, 6)):
        assert untouched.plain
        assert untouched.scored.all()
        assert not untouched.begins.any()


def test_a_window_of_a_plain_batch_is_that_of_any() -> None:
    batch = whole(torch.arange(18.0).view(2, 9, 1), None)
    for start, stop, score_from in (
        (0, 4, None),
        (2, 9, None),
        (0, 9, 3),
        (2, 6, 4),
        (2, 6, 9),
        (5, 5, None),
    ):
        found = batch.window(start, stop, score_from=score_from)
        batch.begins[0, 0] = True  # written to, with no change: what is known of it has to be found again
        scored = torch.arange(start, stop) >= (score_from or 0)
        assert torch.equal(found.scored, scored.expand(2, -1))
        assert torch.equal(found.begins, batch.begins[:, start:stop])
        assert torch.equal(found.lengths, torch.full((2,), stop - start))
        assert torch.equal(found.x, batch.x[:, start:stop])
        assert found.is_last == (stop == 9)
        assert found.scored_count == int(found.scored.sum())


def test_masks_of_inference_are_read() -> None:
    with torch.inference_mode():
        batch = whole(torch.zeros(2, 9, 1), None)
        assert batch.window(1, 4).plain
