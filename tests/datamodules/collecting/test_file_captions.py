"""The user's pictures and videos with captions."""

import numpy as np
import pytest
import torch
from media_toys import caption_table, pixels, save_picture, video_table, write_table

from datamodules.collecting.partition import Partition
from datamodules.image_captions import ImageCaptions
from datamodules.pictures.size import Size
from datamodules.video_captions import VideoCaptions
from elman.errors import BadInput


def ready(kind, path, **options):
    data = kind(**{"path": str(path), "size": Size(height=3, width=5), **options})
    data.setup("fit")
    return data


def said(data, number):
    return data.alphabet.decode(data._examples.window(number, 0, 99).y[:-1])


def test_picture_and_caption_belong_together(tmp_path):
    data = ready(ImageCaptions, caption_table(tmp_path))
    for number, name in enumerate(data.found.names):
        seed = int(name.split("/")[1].split(".")[0])
        picture = pixels(3, 5, seed=seed).reshape(-1).astype(np.float32) / 255
        example = data._examples.window(number, 0, 99)
        assert torch.equal(example.context, torch.from_numpy(picture))
        assert said(data, number) == "very " * (seed % 3) + ["dark", "bright"][seed % 2] + " picture"
    assert data.context_size == 15
    assert data.captions.separator == " "
    assert data.captions.max_length == 5
    assert data.found.lengths.tolist() == data._examples.lengths.tolist()


def test_video_and_caption_belong_together(tmp_path):
    data = ready(VideoCaptions, video_table(tmp_path))
    for number, name in enumerate(data.found.names):
        seed = int(name.split("/")[1].split(".")[0])
        frames, count = data._examples.window(number, 0, 99).context
        expected = pixels(1 + seed % 4, 3, 5, seed=seed).astype(np.float32) / 255
        assert torch.equal(frames, torch.from_numpy(expected.reshape(-1, 15)))
        assert int(count) == len(frames)
    batch = data.train_dataloader().batch(0)
    assert batch.context[0].shape[1] == int(batch.context[1].max())


def test_characters(tmp_path):
    data = ready(ImageCaptions, caption_table(tmp_path), unit="characters")
    assert said(data, 0) == "dark picture"
    assert data.found.lengths.tolist() == data._examples.lengths.tolist()


def test_words_of_training_alone_are_known(tmp_path):
    rows = [f"{number}.png,a picture" for number in range(9)] + ["9.png,an unheard thing"]
    for number in range(10):
        save_picture(tmp_path / f"{number}.png")
    table = write_table(tmp_path / "t.csv", "path,caption", rows)
    data = ready(ImageCaptions, table, split=Partition(test={"path": "9.png"}, shares=(0.8, 0.1, 0.1)))
    assert len(data.alphabet) == 5  # unknown, start, end, a, picture
    assert set(said(data, 9).split()) == {"<unk>"}


def test_all_captions_of_a_picture_are_in_one_part(tmp_path):
    rows = []
    for number in range(10):
        save_picture(tmp_path / f"{number}.png", pixels(3, 5, seed=number))
        rows += [f"{number}.png,caption {each}" for each in range(3)]
    data = ready(ImageCaptions, write_table(tmp_path / "t.csv", "path,caption", rows))
    shown = [{data.found.names[n].split(",")[0] for n in part} for part in data.parts]
    assert sum(map(len, shown)) == 10
    assert len(set(data.found.names)) == 30


def test_a_checkpoint_keeps_the_words(tmp_path):
    data = ready(ImageCaptions, caption_table(tmp_path / "one"))
    table = caption_table(tmp_path / "two")
    table.write_text(table.read_text().replace("dark", "new"))
    again = ImageCaptions(path=str(table), size=Size(height=3, width=5))
    again.load_state_dict(data.state_dict())
    again.setup("test")
    assert again.alphabet == data.alphabet
    assert again.captions == data.captions
    assert "<unk>" in said(again, 0)


FAULTS = {
    "no caption": (["a.png,"], "its caption is empty"),
    "blank caption": (["a.png,   "], "its caption is empty"),
    "no picture": (["b.png,a picture"], "there is no b.png"),
    "empty picture": (["empty.png,a picture"], "empty.png: is empty"),
    "outside": (["../a.png,a picture"], "lies outside"),
    "control": (["a.png,a \x03 picture"], "control character"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", [ImageCaptions, VideoCaptions])
def test_faults(tmp_path, kind, fault):
    rows, message = FAULTS[fault]
    save_picture(tmp_path / "a.png" if kind is ImageCaptions else tmp_path / "a.png" / "0.png")
    (tmp_path / "empty.png").write_bytes(b"")
    if kind is VideoCaptions:
        (tmp_path / "empty.png").unlink()
        save_picture(tmp_path / "empty.png" / "empty.png").write_bytes(b"")
    with pytest.raises(BadInput, match=message) as error:
        ready(kind, write_table(tmp_path / "t.csv", "path,caption", rows))
    assert "\n" not in str(error.value)


def test_no_column(tmp_path):
    with pytest.raises(BadInput, match="must name the column 'caption' once"):
        ready(ImageCaptions, write_table(tmp_path / "t.csv", "path,label", ["a.png,x"]))


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(BadInput, match=str(tmp_path)):
        ready(ImageCaptions, tmp_path)
