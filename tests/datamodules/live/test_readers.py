"""What a pipe gives is what training reads: raw data, read by what a checkpoint holds, becomes the same x."""

import csv
import wave

import numpy as np
import pytest
import torch
from collected_toys import COLLECTED, whole

from datamodules.audio import Audio
from datamodules.collecting.batching import Batching
from datamodules.collecting.partition import Partition
from datamodules.labelled_text import LabelledText
from datamodules.sounds.frames import Frames
from datamodules.table import Table
from datamodules.text import Text
from datamodules.waveform import Waveform

TEXT = "Sea and sea,  é wave\n\na\tcell " + "x" * 230 + " gate\n"


def fresh(build, data):
    """Another instance that has only what a checkpoint holds of `data`."""
    again = build()
    again.load_state_dict(data.state_dict())
    return again.reader(input_size=data.input_size, token_ids=data.token_ids)


def ready(build):
    data = build()
    data.prepare_data()
    data.setup("fit")
    return data


def read(reader, raw, size=7):
    pieces = [raw[start : start + size] for start in range(0, len(raw), size)]
    return list(reader.chunks(pieces, reset_on=reader.resets[0]))


@pytest.mark.parametrize("kind", COLLECTED, ids=lambda kind: kind.__name__)
def test_every_kind_has_a_reader(kind, tmp_path):
    data = ready(lambda: COLLECTED[kind](tmp_path, whole()))
    (tmp_path / "again").mkdir()
    reader = fresh(lambda: COLLECTED[kind](tmp_path / "again", whole()), data)
    assert reader.unit
    assert len(reader.outputs) in (0, data.output_size)
    assert list(data.classes) in ([], list(reader.outputs))


@pytest.mark.parametrize("unit", ["characters", "words", "bytes"])
def test_text(unit, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT * 30, encoding="utf-8")

    def build():
        return Text(path=str(path), unit=unit, batch_size=2, steps=5)

    data = ready(build)
    reader = fresh(build, data)
    found = read(reader, TEXT.encode())
    assert torch.equal(torch.cat([s.x for s in found]), data.alphabet.encode(TEXT))
    for chunk in found:
        (shown,) = chunk.columns.values()
        assert [str(v) for v in shown] == [reader.outputs[i] for i in chunk.x.tolist()]


def test_labelled_text(tmp_path):
    lines = [f"It's {'not ' * (i % 3)}good, {i}" for i in range(30)]
    with open(tmp_path / "t.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["text", "label"], *([line, i % 3] for i, line in enumerate(lines))])

    def build():
        return LabelledText(path=str(tmp_path / "t.csv"), batching=whole())

    data = ready(build)
    reader = fresh(build, data)
    found = read(reader, "\r\n".join(lines).encode())
    assert [s.is_last for s in found] == [True] * 30
    for line, chunk in zip(lines, found, strict=True):
        assert torch.equal(chunk.x, data.vocabulary.encode(line))
        assert chunk.columns["word"][0] == "it's"
    assert reader.outputs == ["0", "1", "2"]


def sounds(folder, count=12):
    """Recordings of 300 samples in two folders; the raw samples of the first."""
    draw = np.random.default_rng(0)
    for number in range(count):
        samples = draw.integers(-30000, 30000, 300).astype("<i2")
        place = folder / "ab"[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        with wave.open(str(place / f"{number}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(samples.tobytes())


def raw_of(folder, name):
    with wave.open(str(folder / name.split(" ")[0])) as file:
        return file.readframes(300)


def test_audio(tmp_path):
    sounds(tmp_path / "s")

    def build():
        return Audio(
            path=str(tmp_path / "s"), frames=Frames(window_ms=4, hop_ms=2.5), batching=Batching(batch_size=1)
        )

    data = ready(build)
    loader = data.train_dataloader()
    reader = fresh(build, data)
    found = read(reader, raw_of(tmp_path / "s", loader.names(0)[0][0]))
    assert torch.equal(torch.cat([s.x for s in found]), loader.batch(0).x[0])
    assert reader.outputs == ["a", "b"]


def test_waveform(tmp_path):
    sounds(tmp_path / "s")

    def build():
        return Waveform(path=str(tmp_path / "s"), batching=Batching(batch_size=1))

    data = ready(build)
    loader = data.train_dataloader()
    reader = fresh(build, data)
    found = read(reader, raw_of(tmp_path / "s", loader.names(0)[0][0]))
    ids = torch.cat([s.x for s in found])
    assert torch.equal(ids[:-1], loader.batch(0).x[0])
    assert torch.equal(ids[1:], loader.batch(0).y[0])
    assert reader.predicts_next


def test_table(tmp_path):
    draw = np.random.default_rng(0)
    rows = ["day,u,v", *(f"{t},{a:.4f},{b:.4f}" for t, (a, b) in enumerate(draw.normal(3, 2, (60, 2))))]
    (tmp_path / "t.csv").write_text("\n".join(rows))

    def build():
        return Table(
            path=str(tmp_path / "t.csv"),
            target="v",
            time="day",
            warmup=0,
            piece=20,
            split=Partition(shares=(0.6, 0.2, 0.2)),
            batching=Batching(batch_size=1),
        )

    data = ready(build)
    reader = fresh(build, data)
    found = torch.cat([s.x for s in read(reader, "\n".join(rows).encode())])
    batch = data.val_dataloader().batch(0)
    x = batch.x[0, : batch.lengths[0]]
    places = [t for t in range(60 - len(x)) if torch.allclose(found[t : t + len(x)], x, atol=1e-5)]
    assert len(places) == 1
    assert reader.outputs == ["v"]
    assert torch.equal(reader.scale, data.target_scale)
    assert torch.equal(reader.shift, data.target_shift)
