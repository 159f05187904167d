"""Pictures and frames that are not there, move, are cut short, or are of kinds that are not read."""

import numpy as np
import pytest
from media_toys import image_folder, pixels, save_picture, video_folder, write_table
from PIL import Image

from datamodules.image_captions import ImageCaptions
from datamodules.images import Images
from datamodules.pictures.frame_folder import FrameFolder
from datamodules.pictures.size import Size
from datamodules.video import Video
from elman.errors import BadInput

SMALL = Size(height=3, width=5)


def ready(path, kind=Images, **options):
    data = kind(path=str(path), size=SMALL, **options)
    data.setup("fit")
    return data


def refused(path, kind=Images, **options):
    with pytest.raises(BadInput) as error:
        ready(path, kind, **options)
    said = str(error.value)
    assert "\n" not in said
    return said


def moving(file, count=4):
    """A GIF whose pictures are told apart by their grey."""
    frames = [Image.fromarray(np.full((3, 5), 60 * n, dtype=np.uint8)) for n in range(count)]
    file.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=40)
    return file


def cut_end(file):
    """Without its last twelve bytes, the chunk that ends a PNG; its pixels are all there."""
    file.write_bytes(file.read_bytes()[:-12])
    return file


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: moving(folder / "b" / "x.gif"), "b/x.gif: holds several images"),
        (lambda folder: cut_end(save_picture(folder / "b" / "x.png")), "b/x.png: was cut short: its end is"),
    ],
    ids=["moving", "cut"],
)
def test_one_check_with_skip_bad_and_without(tmp_path, spoil, said, skip):
    image_folder(tmp_path)
    spoil(tmp_path)
    if not skip:
        assert said in refused(tmp_path)
        return
    data = ready(tmp_path, skip_bad=True)
    assert len(data.found.names) == 24
    assert data.description()["metadata"]["skipped"] == 1
    assert any(line.startswith(f"skipped 1: {said.partition(': ')[2][:20]}") for line in data.summary())


@pytest.mark.parametrize("count", [1, 3])
def test_pictures_of_kinds_that_are_not_read(tmp_path, count):
    image_folder(tmp_path, each=6)
    for number in range(count):
        (tmp_path / "a" / f"{number}.webp").write_bytes(b"RIFF")
    if count == 1:
        assert "skipped 1: a .webp file: a/0.webp" in ready(tmp_path).summary()
        return
    said = refused(tmp_path)
    assert "3 of 15 files are of kinds that are not read (3 .webp), more than a tenth; convert them" in said
    assert said.endswith("with `magick IN OUT.png`, or leave such out with data.skip_bad=true")
    assert ready(tmp_path, skip_bad=True).description()["metadata"]["skipped"] == 3  # the way out


def test_more_than_half_skipped(tmp_path):
    image_folder(tmp_path, each=2)
    for number in range(5):
        (tmp_path / "b" / f"x{number}.png").write_text("no picture")
    said = refused(tmp_path, skip_bad=True)
    assert "5 of 9 cannot be used, more than the share 0.5 that data.skip_bad may leave out" in said
    assert said.endswith("set it to 0.56")
    assert len(ready(tmp_path, skip_bad=0.56).found.names) == 4


def test_what_is_offered_where_all_are_bad(tmp_path):
    for name in ("a/0.png", "b/1.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("no picture")
    assert "skip_bad" not in refused(tmp_path)


def frames(folder, numbers, name="frame_{:03}.png"):
    for number in numbers:
        save_picture(folder / name.format(number), pixels(3, 5, seed=number))
    return folder


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        ([*range(3), *range(4, 14)], [3]),
        ([*range(0, 60, 5), 70, 75, 80], [60, 65]),
        ([*range(1, 12)], []),
        ([*range(100, 120, 10), 125, *range(130, 200, 10)], []),
    ],
)
def test_frames_that_are_missing_by_their_numbers(tmp_path, numbers, missing):
    folder = frames(tmp_path / "x", numbers)
    if len(missing) > 0.1 * (len(missing) + len(numbers)):
        with pytest.raises(
            BadInput, match="2 frames are missing by their numbers, the first 60, more than a"
        ):
            FrameFolder(folder)
        return
    assert FrameFolder(folder).missing == missing


def test_a_missing_frame_is_named_and_counted(tmp_path):
    video_folder(tmp_path)
    frames(tmp_path / "a" / "gap", [*range(3), *range(4, 14)])
    data = ready(tmp_path, Video)
    assert "frames are missing, by their numbers: gap lacks 3" in data.summary()
    assert data.description()["metadata"]["missing_frames"] == 1
    for number in (6, 7):
        (tmp_path / "a" / "gap" / f"frame_{number:03}.png").unlink()
    said = refused(tmp_path, Video)
    assert "a/gap: 3 frames are missing by their numbers, the first 3, more than a tenth" in said
    for number, file in enumerate(sorted((tmp_path / "a" / "gap").iterdir())):  # numbered anew: the way out
        file.rename(file.with_name(f"f{number}.png"))
    assert ready(tmp_path, Video).found.lengths[list(data.found.names).index("a/gap")] == 11


def test_two_frames_of_one_number(tmp_path):
    folder = frames(tmp_path, [1, 2])
    save_picture(folder / "frame_2.png")
    with pytest.raises(BadInput, match="two of its frames have the number 2"):
        FrameFolder(folder)


def test_pictures_beside_videos_are_named(tmp_path):
    video_folder(tmp_path)
    save_picture(tmp_path / "a" / "poster.png")
    lines = ready(tmp_path, Video).summary()
    assert "skipped 1: a picture in no folder of frames: a/poster.png" in lines


def test_pictures_that_move_are_videos(tmp_path):
    pytest.importorskip("av")
    video_folder(tmp_path)
    moving(tmp_path / "a" / "x.gif")
    data = ready(tmp_path, Video)
    assert len(data.found.names) == 25
    number = list(data.found.names).index("a/x.gif")
    x = data._examples.window(number, 0, 4).x
    np.testing.assert_allclose(x.mean(1) * 255, [0, 60, 120, 180], atol=4)
    moving(tmp_path / "b" / "preview" / "x.gif")
    save_picture(tmp_path / "b" / "preview" / "0.png")
    assert "b/preview/x.gif: holds several images" in refused(tmp_path, Video)


def test_videos_of_kinds_that_are_not_read(tmp_path):
    video_folder(tmp_path, each=4)
    for number in range(2):
        (tmp_path / "a" / f"{number}.wmv").write_bytes(b"wmv")
    assert "2 of " in (said := refused(tmp_path, Video))
    assert "(2 .wmv), more than a tenth; convert them, for example with `ffmpeg -i IN OUT.mp4`" in said


def test_a_table_of_tabs_with_a_folder(tmp_path):
    image_folder(tmp_path / "pictures", each=4)
    names = sorted(file.relative_to(tmp_path / "pictures").as_posix() for file in tmp_path.rglob("*.png"))
    table = write_table(
        tmp_path / "all.tsv", "path\tlabel\tcaption", [f"{n}\t{n[0]}\ta {n[0]}" for n in names]
    )
    said = refused(table)
    assert "there is one in pictures, so set data.folder=pictures" in said
    assert ready(table, folder="pictures").classes == ["a", "b"]
    data = ImageCaptions(path=str(table), folder="pictures", size=SMALL)
    data.setup("fit")
    assert len(data.found.names) == 8
    assert "data.folder=x names nothing; leave it out (null)" in refused(tmp_path / "pictures", folder="x")


def test_captions_say_what_is_unknown(tmp_path):
    """Words of validation and test that training did not have."""
    image_folder(tmp_path, each=6)
    names = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*.png"))
    parts = ["val", "test"] + ["train"] * 10
    rows = [f"{n},{'one rare' if p == 'val' else 'a word'},{p}" for n, p in zip(names, parts, strict=True)]
    data = ImageCaptions(path=str(write_table(tmp_path / "all.csv", "path,caption,part", rows)), size=SMALL)
    data.setup("fit")
    assert data.loader("val").unknown_share == pytest.approx(2 / 3)  # two words and EOS
    assert data.loader("train").unknown_share == data.loader("test").unknown_share == 0
    assert "unknown words, all as one id that is scored like the others: 66.7 % of val" in data.summary()
    assert data.description()["metadata"]["val_unknown_share"] == pytest.approx(2 / 3)
