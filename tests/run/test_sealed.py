"""One flipped bit of a checkpoint, anywhere in it."""

import io
import random

import pytest
import torch

from elman.errors import BadInput
from elman.run.checkpoints import WholeFiles, newest, read_checkpoint
from elman.run.sealed import is_damaged

VALUES = {"weights": torch.arange(12.0).reshape(3, 4), "elman": {"recipe": "a: 1\n" * 9, "random": [1, 2]}}


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "step-1.ckpt"
    WholeFiles().save_checkpoint(VALUES, path)
    return path


def flipped(whole, bit):
    changed = bytearray(whole)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_flipped_bit_is_seen(sealed):
    assert not is_damaged(sealed)
    assert torch.equal(torch.load(sealed, weights_only=True)["weights"], VALUES["weights"])
    whole = sealed.read_bytes()
    end = range(8 * (len(whole) - 110), 8 * len(whole))  # of the archive, and the checksum
    bits = [*end, *random.Random(0).sample(range(8 * len(whole)), 200)]
    unseen = []
    for bit in bits:
        sealed.write_bytes(flipped(whole, bit))
        if not is_damaged(sealed):
            unseen.append(bit)
    assert unseen == []


def test_what_is_cut_or_empty(sealed):
    whole = sealed.read_bytes()
    for size in (0, 1, 40, len(whole) // 2, len(whole) - 1):
        sealed.write_bytes(whole[:size])
        with pytest.raises(BadInput, match=r"step-1.ckpt: (damaged|not a readable checkpoint)"):
            read_checkpoint(sealed)


def test_files_of_before_have_the_checksums_of_their_parts(sealed):
    """What a flipped bit changes in what is read of them is seen; paddings and dates are not looked at."""
    written = io.BytesIO()
    torch.save(VALUES, written)
    whole = written.getvalue()
    sealed.write_bytes(whole)
    assert not is_damaged(sealed)
    for bit in random.Random(0).sample(range(8 * len(whole)), 300):
        sealed.write_bytes(flipped(whole, bit))
        if is_damaged(sealed):
            continue
        try:
            read = torch.load(sealed, weights_only=True)
        except Exception:
            continue
        assert torch.equal(read["weights"], VALUES["weights"])
        assert read["elman"] == VALUES["elman"]


def test_the_one_before_a_damaged_one_is_taken(tmp_path, caplog):
    own = {"metadata": {}, "recipe": "", "time_steps": 1, "updates": {}, "bptt": {}}
    own |= {"states": [], "restarts": [], "random": []}
    good, bad = tmp_path / "step-1.ckpt", tmp_path / "step-2.ckpt"
    for path in (good, bad):
        WholeFiles().save_checkpoint({"state_dict": {}, "elman": own}, path)
    bad.write_bytes(flipped(bad.read_bytes(), 4321))
    assert newest(tmp_path) == good
    assert caplog.messages == [f"{bad}: damaged, its checksum does not fit; step-1.ckpt is taken instead"]
