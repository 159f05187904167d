"""The sequences are those of the published code, number by number."""

import numpy as np
import pytest

from datamodules.mnist1d import MNIST1D, TEMPLATES, generated, resampled, templates


def test_published_numbers():
    """What version 0.0.2.post1 of `mnist1d` makes; its own file has the same to 3e-16."""
    x, labels = generated(shuffle=False)
    assert x.shape == (5000, 40)
    assert labels[:10].tolist() == [2, 6, 4, 5, 6, 6, 6, 0, 3, 1]
    assert x[0, :3] == pytest.approx(
        [-0.3320056673693902, -0.4719103656557236, -0.778697076293495], rel=1e-12
    )
    assert x[4321, 7] == pytest.approx(float.fromhex("0x1.2580985417fa2p+1"), rel=1e-12)
    assert x[4999, 39] == pytest.approx(float.fromhex("0x1.317266165eadcp+0"), rel=1e-12)
    assert (x.mean(), x.std()) == pytest.approx((0, 1))
    assert np.bincount(labels).tolist() == [500] * 10


def test_shuffled_is_one_order_for_all():
    plain, shuffled = (generated(shuffle=flag, count=30) for flag in (False, True))
    order = [int(np.abs(plain[0][0] - value).argmin()) for value in shuffled[0][0]]
    assert sorted(order) == list(range(40)) != order
    assert plain[0][:, order] == pytest.approx(shuffled[0], rel=1e-12)
    assert np.array_equal(plain[1], shuffled[1])


def test_parts():
    data = MNIST1D()
    data.setup()
    counts = [sum(len(batch.x) for batch in data.loader(part)) for part in ("val", "test")]
    assert counts == [400, 1000]
    assert data.steps_per_epoch == 3600 * 40
    test = next(iter(data.test_dataloader()))
    x, labels = generated(shuffle=False)
    assert test.x[0, :, 0].numpy() == pytest.approx(x[4000], abs=1e-6)
    assert int(test.y[0, -1]) == labels[4000]
    assert test.scored.sum(1).tolist() == [1] * len(test.x)


def test_shapes():
    assert templates().std(1) == pytest.approx(np.full(10, 1 / 6))
    assert templates()[:, 0].tolist() == [0] * 10
    assert len(TEMPLATES) == 10
    assert resampled(np.array([0.0, 2.0, 6.0]), 5).tolist() == [0, 1, 2, 4, 6]
