"""Samples of other machines reach the first process once each, and it waits for none."""

from torch.distributed import HashStore, PrefixStore

from elman.run.other_machines import Samples, Sending


def test_the_last_sample_of_each_is_taken_once():
    shared = PrefixStore("there", HashStore())
    samples, first, second = Samples(shared, range(1, 4)), Sending(shared, 1), Sending(shared, 2)
    assert samples() == {}
    first({"system/node_1/a": 1.0}, 0)
    first({"system/node_1/a": 2.0}, 1)
    assert samples() == {"system/node_1/a": 2.0}
    assert samples() == {}
    first({"system/node_1/a": 3.0}, 2)
    second({"system/node_2/a": 4.0}, 0)
    assert samples() == {"system/node_1/a": 3.0, "system/node_2/a": 4.0}


def test_a_store_that_is_gone_ends_nothing():
    class Gone:
        def set(self, *_):
            raise RuntimeError("connection closed")

        check = get = set

    Sending(Gone(), 1)({"a": 1.0}, 0)
    assert Samples(Gone(), range(1, 3))() == {}
