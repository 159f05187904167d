"""Arrays that are empty, of other kinds, or unpack to far more than they are."""

import numpy as np
import pytest
import scipy.io

from datamodules.array_sets.unpacked import of_mat
from datamodules.arrays import Arrays
from datamodules.collecting.partition import Partition
from datamodules.music import PianoRolls
from datamodules.pictures.size import Size
from datamodules.video import Video
from elman.errors import BadInput

SHARES = Partition(shares=(0.6, 0.2, 0.2))


def sequences(folder, count=10):
    draw = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    for number in range(count):
        np.save(folder / f"{number:02}.npy", draw.normal(size=(5, 2)))
    return folder


def ready(path, **options):
    data = Arrays(path=str(path), **{"split": SHARES, "standardise": False, **options})
    data.setup("fit")
    return data


def refused(path, **options):
    with pytest.raises(BadInput) as error:
        ready(path, **options)
    said = str(error.value)
    assert "\n" not in said
    assert said.count("data.skip_bad=true") <= 1
    assert len(said.replace(str(path), "")) <= 240
    return said


@pytest.mark.parametrize("shape", [(0, 4, 2), (0, 2), (3, 0, 2)])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_an_empty_array_among_good_ones(tmp_path, shape, suffix):
    sequences(tmp_path)
    if suffix == ".npy":
        np.save(tmp_path / "empty.npy", np.zeros(shape))
    else:
        np.savez(tmp_path / "empty.npz", x=np.zeros(shape))
    said = refused(tmp_path)
    assert f"empty{suffix}: " in said
    assert "leave such out with data.skip_bad=true" in said
    data = ready(tmp_path, skip_bad=True)
    assert len(data.found.names) == 10
    assert data.description()["metadata"]["skipped"] == (3 if shape[0] == 3 else 1)


def test_an_empty_part(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, a=np.ones((5, 4, 2)), b=np.ones((0, 4, 2)))
    assert "its array by the key 'b' is empty" in refused(path, x="{part}", parts={"train": "a", "val": "b"})


def test_files_of_other_kinds(tmp_path):
    sequences(tmp_path, 20)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "more.h5").touch()
    data = ready(tmp_path)
    assert "not read, by their names: 1 .h5, 1 .txt" in data.summary()
    assert data.description()["metadata"]["other_files"] == 2
    for number in range(3):
        (tmp_path / f"{number}.csv").touch()
    said = refused(tmp_path)
    assert (
        "4 of 24 files are of kinds that are not read (3 .csv, 1 .h5), more than a tenth; convert them"
        in said
    )
    assert len(ready(tmp_path, skip_bad=True).found.names) == 20


def test_more_than_half_skipped(tmp_path):
    sequences(tmp_path, 4)
    for number in range(6):
        np.save(tmp_path / f"x{number}.npy", np.array(["text"]))
    said = refused(tmp_path, skip_bad=True)
    assert "6 of 10 cannot be used, more than the share 0.5 that data.skip_bad may leave out" in said
    assert said.endswith("set it to 0.6")
    assert len(ready(tmp_path, skip_bad=0.6).found.names) == 4


def bomb(path, megabytes=80):
    """Zeros, which pack to a thousandth."""
    held = np.zeros((10, megabytes * 12_500, 1))
    if path.suffix == ".npz":
        np.savez_compressed(path, x=held)
    else:
        scipy.io.savemat(path, {"x": held}, do_compression=True)
    assert path.stat().st_size < 200_000
    return path


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_a_small_file_that_unpacks_to_far_more(tmp_path, suffix):
    path = bomb(tmp_path / f"a{suffix}")
    said = refused(path)
    assert f"a{suffix}: unpacked it takes 79," in said
    assert "bytes more than ten times its size, and data.most_unpacked_mb=64 allows less" in said
    assert said.endswith("raise it to 80 if you trust it")
    assert len(ready(path, most_unpacked_mb=80).found.names) == 10


def test_many_that_are_too_much_together(tmp_path):
    for number in range(3):
        bomb(tmp_path / f"{number}.npz", 30)
    said = refused(tmp_path)
    assert "bytes more than ten times its size (89,1" in said
    assert "with 2 others), and" in said
    assert len(ready(tmp_path, most_unpacked_mb=90).found.names) == 30


def test_what_is_large_as_it_is_may_be_read(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((10, 100, 1)))  # not packed
    assert len(ready(tmp_path, most_unpacked_mb=1).found.names) == 10
    with pytest.raises(ValueError, match="most_unpacked_mb must be a whole number of at least 1"):
        ready(tmp_path, most_unpacked_mb=0)


def test_bytes_that_a_matlab_file_takes(tmp_path):
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, {"x": np.zeros(100_000), "y": np.zeros(5000)}, do_compression=True)
    with path.open("rb") as stream:
        assert of_mat(stream) == pytest.approx(8 * 105_000, abs=500)
    scipy.io.savemat(path, {"x": np.zeros(100_000)})
    with path.open("rb") as stream:
        assert of_mat(stream) == 0


def test_music_and_videos_have_the_limit_too(tmp_path):
    path = bomb(tmp_path / "a.mat")
    with pytest.raises(BadInput, match=r"data\.most_unpacked_mb=20 allows less; raise it to 80"):
        PianoRolls(path=str(path), most_unpacked_mb=20).setup("fit")
    for name in ("a/0.npz", "b/1.npz"):
        (tmp_path / "v" / name).parent.mkdir(parents=True)
        np.savez_compressed(tmp_path / "v" / name, video=np.zeros((70_000, 32, 32), np.uint8))
    for most, said in ((64, "data.most_unpacked_mb=64 allows less; raise it to 71"), (71, "")):
        data = Video(
            path=str(tmp_path / "v"), size=Size(height=2, width=2), most_unpacked_mb=most, split=Partition()
        )
        with pytest.raises(BadInput, match=said or "its 2 examples leave the"):
            data.setup("fit")
