"""One small instance of every data module that collects sequences from files."""

import media_toys
import numpy as np
import sound_toys
import standard_toys

from datamodules import (
    MNIST,
    MNIST1D,
    Arrays,
    Audio,
    Batching,
    DigitCaptions,
    Digits,
    ImageCaptions,
    Images,
    LabelledText,
    MovingDigits,
    PianoRolls,
    Size,
    Spoken,
    Table,
    TorchaudioSet,
    Video,
    VideoCaptions,
    Waveform,
)

ROWS = 5  # two processes hold 3 and 2
COLLECTED = {}
"""Class -> how to build one in an empty folder: at least 20 examples and a test part."""


def row(kind):
    """Add the function below to the table."""

    def add(build):
        COLLECTED[kind] = build
        return build

    return add


@row(Digits)
def digits(folder, batching):
    return Digits(reading="rows", batching=batching)


@row(MNIST1D)
def mnist1d(folder, batching):
    return MNIST1D(batching=batching)


@row(DigitCaptions)
def digit_captions(folder, batching):
    return DigitCaptions(batching=batching)


@row(MovingDigits)
def moving_digits(folder, batching):
    return MovingDigits(unit="characters", videos=21, val_videos=6, batching=batching)


@row(Images)
def images(folder, batching):
    path = media_toys.image_folder(folder / "images")
    return Images(path=str(path), size=Size(height=4, width=3, colours="rgb"), batching=batching)


@row(ImageCaptions)
def image_captions(folder, batching):
    path = media_toys.caption_table(folder / "images")
    return ImageCaptions(path=str(path), size=Size(height=4, width=3), batching=batching)


@row(Video)
def video(folder, batching):
    path = media_toys.video_folder(folder / "videos")
    return Video(path=str(path), size=Size(height=4, width=3), batching=batching)


@row(VideoCaptions)
def video_captions(folder, batching):
    path = media_toys.video_table(folder / "videos")
    return VideoCaptions(path=str(path), size=Size(height=4, width=3), batching=batching)


@row(LabelledText)
def labelled_text(folder, batching):
    rows = [f"{'a b ' * (i % 4)}c{i % 5} {i},{i % 3}" for i in range(40)]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return LabelledText(path=str(folder / "reviews.csv"), batching=batching)


@row(MNIST)
def mnist(folder, batching):
    standard_toys.mnist_folder(folder / "mnist")
    return MNIST(path=str(folder / "mnist"), batching=batching)


@row(PianoRolls)
def piano_rolls(folder, batching):
    standard_toys.piano_rolls(folder / "music.mat")
    return PianoRolls(path=str(folder / "music.mat"), batching=batching)


@row(Table)
def table(folder, batching):
    rows = [f"{step},s{series},{(step * step + series) % 11}" for series in range(21) for step in range(6)]
    (folder / "table.csv").write_text("\n".join(["t,who,v", *rows]), encoding="utf-8")
    path = str(folder / "table.csv")
    return Table(path=path, target="v", group="who", time="t", split_by="series", batching=batching)


@row(Arrays)
def arrays(folder, batching):
    for number in range(21):
        np.save(
            folder / f"{number:02}.npy", np.sin(np.arange(8.0 + 2 * (number % 4)) + number).reshape(-1, 2)
        )
    return Arrays(path=str(folder), batching=batching)


@row(Audio)
def audio(folder, batching):
    return Audio(path=str(sound_toys.two_classes(folder / "sound")), batching=batching)


@row(Waveform)
def waveform(folder, batching):
    return Waveform(path=str(sound_toys.short_tones(folder / "sound")), batching=batching)


@row(TorchaudioSet)
def torchaudio_set(folder, batching):
    sound_toys.speech_commands(folder)
    return TorchaudioSet(name="SPEECHCOMMANDS", root=str(folder), batching=batching)


@row(Spoken)
def spoken(folder, batching):
    data = Spoken(cache=str(folder), words=["no", "yes"], batching=batching)
    sound_toys.as_if_spoken(data)
    return data


def whole():
    return Batching(batch_size=ROWS)


def refilled():
    return Batching(batch_size=ROWS, steps=3)


def packed():
    """Two rows in the shortest batches, so that even a few examples share one."""
    return Batching(batch_size=2, steps=400, packed=True)
