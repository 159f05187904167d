"""Videos in folders, arrays and files."""

import sys

import numpy as np
import pytest
import torch
from media_toys import pixels, save_picture, video_folder, write_table

from datamodules.collecting.batching import Batching
from datamodules.pictures.frame_folder import FrameFolder
from datamodules.pictures.image_file import read_image
from datamodules.pictures.size import Size
from datamodules.video import Video
from elman.errors import BadInput


def ready(path, **options):
    data = Video(**{"path": str(path), "size": Size(height=3, width=5), **options})
    data.setup("fit")
    return data


def example(data, name, start=0, stop=99):
    number = list(data.found.names).index(name)
    return data._examples.window(number, start, min(stop, int(data.found.lengths[number])))


def frames_in(folder, frames, suffix="png"):
    for number, frame in enumerate(frames):
        save_picture(folder / f"f{number}.{suffix}", frame)


def test_frames_in_the_order_of_their_numbers(tmp_path):
    video_folder(tmp_path, each=3)
    frames = pixels(12, 3, 5, seed=5)
    frames_in(tmp_path / "a" / "known", frames)
    np.save(tmp_path / "b" / "known.npy", frames)
    data = ready(tmp_path)
    expected = torch.from_numpy(frames.reshape(12, 15).astype(np.float32) / 255)
    for name in ("a/known", "b/known.npy"):
        found = example(data, name)
        assert torch.equal(found.x, expected)
        assert found.scored.tolist() == [False] * 11 + [True]
        assert found.y.tolist() == ["ab".index(name[0])] * 12
    assert data.input_size == 15


def test_natural_order(tmp_path):
    names = ["f10.png", "f9.png", "f1 b2.png", "f1 b10.png", "f.png"]
    for name in names:
        save_picture(tmp_path / name)
    assert [file.name for file in FrameFolder(tmp_path).files] == [
        *("f.png", "f1 b2.png", "f1 b10.png", "f9.png", "f10.png")
    ]


def test_every_second_frame_and_no_more_than_asked_for(tmp_path, monkeypatch):
    video_folder(tmp_path, each=3)
    frames = pixels(9, 3, 5, seed=5)
    frames_in(tmp_path / "a" / "known", frames)
    data = ready(tmp_path, every=2, longest=4)
    read = []

    def noted(file, size):
        read.append(file.name)
        return read_image(file, size)

    monkeypatch.setattr("datamodules.pictures.frame_folder.read_image", noted)
    found = example(data, "a/known", 1, 3)
    assert read == ["f2.png", "f4.png"]
    assert torch.equal(found.x, torch.from_numpy(frames[[2, 4]].reshape(2, 15).astype(np.float32) / 255))
    assert found.scored.tolist() == [False, False]
    assert example(data, "a/known", 3, 4).scored.tolist() == [True]
    assert data.found.lengths[list(data.found.names).index("a/known")] == 4


def test_a_table(tmp_path):
    rows = []
    for number in range(12):
        frames_in(tmp_path / f"v{number}", pixels(2 + number % 3, 3, 5, seed=number))
        rows.append(f"v{number},{'xy'[number % 2]}")
    data = ready(write_table(tmp_path / "table.csv", "path,label", rows))
    assert list(data.found.classes) == ["x", "y"]
    assert data.found.lengths.tolist() == [2 + number % 3 for number in range(12)]


def unequal(folder):
    frames_in(folder / "a" / "bad", [pixels(3, 5), pixels(4, 5)])


def no_frames(folder):
    np.save(folder / "a" / "bad.npy", np.zeros((0, 3, 5), np.uint8))


def empty_frame(folder):
    frames_in(folder / "a" / "bad", [pixels(3, 5)])
    (folder / "a" / "bad" / "f1.png").write_bytes(b"")


def text_frame(folder):
    frames_in(folder / "a" / "bad", [pixels(3, 5)])
    (folder / "a" / "bad" / "f1.png").write_text("hello")


def pickled(folder):
    np.save(folder / "a" / "bad.npy", np.array([{"a": 1}]), allow_pickle=True)


FAULTS = {
    unequal: "frame f1.png has 5 x 4 pixels, but f0.png has 5 x 3",
    no_frames: "at least a frame",
    empty_frame: "f1.png: is empty",
    text_frame: "whatever its name says",
    pickled: "could run code",
}


@pytest.mark.parametrize("make", FAULTS, ids=lambda make: make.__name__)
def test_faults_are_told_or_skipped(tmp_path, make):
    video_folder(tmp_path, each=6)
    make(tmp_path)
    with pytest.raises(BadInput, match=FAULTS[make]) as error:
        ready(tmp_path)
    assert "\n" not in str(error.value)
    data = ready(tmp_path, skip_bad=True)
    assert len(data.found.names) == 12
    assert "skipped 1: " in "\n".join(data.summary())


def test_no_videos(tmp_path):
    with pytest.raises(BadInput, match="holds no file whose name ends in"):
        ready(tmp_path)


def test_a_folder_without_frames_in_a_table(tmp_path):
    (tmp_path / "v").mkdir()
    with pytest.raises(BadInput, match="holds no frames"):
        ready(write_table(tmp_path / "table.csv", "path,label", ["v,x"]))


def test_video_files_name_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    video_folder(tmp_path, each=3)
    (tmp_path / "a" / "x.mp4").write_bytes(b"video")
    with pytest.raises(BadInput, match=r"x.mp4: video files need PyAV: install elman\[video\]"):
        ready(tmp_path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"every": 0}, "every must be a whole number"),
        ({"longest": 0}, "longest must be a whole number"),
    ],
)
def test_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        Video(path=".", **options)


def test_windows_join_to_the_whole(tmp_path):
    video_folder(tmp_path)
    data = ready(tmp_path, batching=Batching(batch_size=4, steps=2))
    name = next(name for name in data.found.names if name.endswith("/7"))  # of four frames
    whole = example(data, name)
    assert whole.steps == 4
    pieces = [example(data, name, start, start + 1) for start in range(whole.steps)]
    assert torch.equal(torch.cat([piece.x for piece in pieces]), whole.x)
    assert torch.equal(torch.cat([piece.scored for piece in pieces]), whole.scored)
