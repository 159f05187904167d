"""Pictures in folders and tables, read in every way."""

import numpy as np
import pytest
import torch
from media_toys import image_folder, pixels, save_picture, write_table

from datamodules.collecting.batching import Batching
from datamodules.collecting.partition import Partition
from datamodules.images import Images
from datamodules.pictures.size import Size
from elman.errors import BadInput

EVERYTHING_TRAINS = Partition(shares=(0.9, 0.1, 0))


def ready(path, **options):
    data = Images(**{"path": str(path), "size": Size(height=3, width=5), **options})
    data.setup("fit")
    return data


def example(data, name):
    number = list(data.found.names).index(name)
    return data._examples.window(number, 0, 99)


@pytest.mark.parametrize("colours", ["grey", "rgb"])
def test_readings(tmp_path, colours):
    image_folder(tmp_path, each=2)
    picture = pixels(3, 5, 3, seed=77) if colours == "rgb" else pixels(3, 5, seed=77)
    save_picture(tmp_path / "a" / "known.png", picture)
    known = torch.from_numpy(picture.reshape(3, 5, -1).astype(np.float32) / 255)  # (H, W, C)
    channels = known.shape[2]
    expected = {
        "whole": known.reshape(1, -1),
        "rows": known.reshape(3, 5 * channels),
        "columns": torch.stack([known[:, column].reshape(-1) for column in range(5)]),
        "pixels": known.reshape(15, channels),
        "permuted": known.reshape(15, channels)[np.random.default_rng(0).permutation(15)],
    }
    for reading, x in expected.items():
        data = ready(tmp_path, reading=reading, size=Size(height=3, width=5, colours=colours))
        found = example(data, "a/known.png")
        torch.testing.assert_close(found.x, x, rtol=0, atol=1e-7)
        assert found.scored.tolist() == [False] * (len(x) - 1) + [True]
        assert found.y.tolist() == [0] * len(x)
        assert data.input_size == x.shape[1]


def test_classes_are_folders(tmp_path):
    image_folder(tmp_path)
    save_picture(tmp_path / "b" / "deep" / "er.PNG")
    save_picture(tmp_path / "loose.png")
    (tmp_path / "readme.txt").write_text("hello")
    save_picture(tmp_path / ".hidden.png")
    (tmp_path / "a" / "link.png").symlink_to(tmp_path / "loose.png")
    data = ready(tmp_path, split=EVERYTHING_TRAINS)
    assert list(data.found.classes) == ["a", "b"]
    assert data.class_counts.sum() == len(data.parts[0])
    assert example(data, "b/deep/er.PNG").y[0] == 1
    summary = "\n".join(data.summary())
    for line in ("a link file: a/link.png", "a hidden file: .hidden.png", "a .txt file: readme.txt"):
        assert line in summary
    assert "not in the folder of a class: loose.png" in summary


def test_a_given_split(tmp_path):
    image_folder(tmp_path / "train", each=5)
    image_folder(tmp_path / "test", each=2)
    save_picture(tmp_path / "extra" / "a" / "x.png")
    data = ready(tmp_path)
    names = np.array(data.found.names)
    assert {name.split("/")[0] for name in names[data.parts[2]]} == {"test"}
    assert len(data.parts[2]) == 4
    assert list(data.found.classes) == ["a", "b"]
    assert "not in a folder train, val or test: extra/a/x.png" in "\n".join(data.summary())


def test_a_table(tmp_path):
    names = [save_picture(tmp_path / f"{number}.png").name for number in range(12)]
    rows = [f"{name},{'xy'[number % 2]},p{number // 4}" for number, name in enumerate(names)]
    table = write_table(tmp_path / "table.csv", "path,label,person", rows)
    data = ready(table, split=Partition(by="person", test={"person": "p2"}))
    assert list(data.found.classes) == ["x", "y"]
    assert [data.found.names[n] for n in data.parts[2]] == ["8.png", "9.png", "10.png", "11.png"]
    assert len(data.parts[0]) == len(data.parts[1]) == 4


def test_the_content_is_in_the_digest(tmp_path):
    image_folder(tmp_path)
    before = ready(tmp_path).found.digest
    save_picture(tmp_path / "a" / "0.png", pixels(3, 5, seed=99))
    assert ready(tmp_path).found.digest != before


def test_one_example_in_a_class_trains(tmp_path):
    image_folder(tmp_path)
    save_picture(tmp_path / "c" / "only.png")
    data = ready(tmp_path)
    assert list(data.found.names).index("c/only.png") in data.parts[0]
    assert "c 1" in "\n".join(data.summary())


def nothing(folder):
    folder.joinpath("a").mkdir()


def one_class(folder):
    save_picture(folder / "a" / "0.png")


def no_classes(folder):
    save_picture(folder / "0.png")


def text_as_picture(folder):
    image_folder(folder)
    (folder / "b" / "x.png").write_text("hello")


FAULTS = {
    nothing: "holds no file whose name ends in .png",
    one_class: "all its images are of the class 'a'",
    no_classes: "make a folder for each class",
    text_as_picture: r"b/x.png: is no PNG.* leave such out with data.skip_bad=true",
}


@pytest.mark.parametrize("make", FAULTS, ids=lambda make: make.__name__)
def test_faults(tmp_path, make):
    make(tmp_path)
    with pytest.raises(BadInput, match=FAULTS[make]) as error:
        ready(tmp_path)
    assert "\n" not in str(error.value)


def test_no_such_path(tmp_path):
    with pytest.raises(BadInput, match="no such file or folder"):
        ready(tmp_path / "nowhere")


def test_bad_pictures_are_skipped_and_counted(tmp_path):
    text_as_picture(tmp_path)
    (tmp_path / "a" / "empty.png").write_bytes(b"")
    held = save_picture(tmp_path / "a" / "cut.bmp", pixels(60, 50)).read_bytes()
    (tmp_path / "a" / "cut.bmp").write_bytes(held[:500])
    data = ready(tmp_path, skip_bad=True)
    assert len(data.found.names) == 24
    summary = "\n".join(data.summary())
    assert "skipped 1: is empty" in summary
    assert "cut.bmp" in summary
    for index in range(3):
        data.train_dataloader().batch(index)


def test_all_bad(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_bytes(b"")
    with pytest.raises(BadInput, match="nothing in it can be used"):
        ready(tmp_path, skip_bad=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reading": "snake"}, "reading must be one of whole, rows, columns, pixels"),
        ({"size": {"colours": "cmyk"}}, "colours must be grey or rgb"),
        ({"size": {"height": 0}}, "height must be a whole number of at least 1"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Images(path=".", **{**options, "size": Size(**options.get("size", {}))})


def test_a_picture_cut_short_between_look_and_reading(tmp_path):
    image_folder(tmp_path)
    data = ready(tmp_path, batching=Batching(batch_size=30))
    for file in tmp_path.glob("*/*.png"):
        file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(BadInput, match="whatever its name says"):
        data.train_dataloader().batch(0)
