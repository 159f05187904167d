"""Examples of captions: which are shown, what is said of them, and that a run keeps them."""

from __future__ import annotations

import csv
import io
from types import SimpleNamespace

import pytest
import torch

from datamodules.digit_captions import DigitCaptions
from datamodules.image_captions import ImageCaptions
from datamodules.moving_digits import MovingDigits
from datamodules.pictures.size import Size
from datamodules.video_captions import VideoCaptions
from elman.batch import SequenceBatch, at_first_step
from elman.cli import main
from elman.diagnostics.caption_pictures import (
    Shown,
    caption_figure,
    caption_summary,
    chosen_examples,
    shown_examples,
)

START, END = 0, 1
RECIPE = """\
# Can a network spell a digit?
model:
  core: {class_path: GRU, init_args: {hidden_size: 32}}
  context_encoder: {class_path: Dense, init_args: {hidden_size: 32}}
  bptt: {class_path: Full}
  optimizer: {class_path: torch.optim.Adam, init_args: {lr: 0.02}}
data: {class_path: DigitCaptions}
trainer: {max_time_steps: 20000, val_every: 10000, progress: false, accelerator: cpu, test_after: true}
tracking: {system_metrics: false}
"""


class Numbers:
    """Ids read as their numbers."""

    def decode(self, ids):
        return " ".join(str(int(i)) for i in ids)


class Loader:
    """Row r of batch b has the caption "b r", both counted from 10; row 2 goes on from the batch before."""

    def __init__(self, batches: int, rows: int) -> None:
        self.batches, self.rows = batches, rows

    def __len__(self) -> int:
        return self.batches

    def batch(self, number: int) -> SequenceBatch:
        y = torch.tensor([[10 + number, 10 + row, END] for row in range(self.rows)])
        return SequenceBatch(
            x=y.roll(1, 1),
            y=y,
            scored=torch.ones_like(y, dtype=torch.bool),
            lengths=torch.full((self.rows,), 3),
            begins=at_first_step(torch.arange(self.rows) != 2, 3),
            context=(y[:, :2].float(), y[:, 0]),
        )


TASK = SimpleNamespace(network=None)  # decoding is replaced where it is used
DATA = SimpleNamespace(captions=SimpleNamespace(bos=START, eos=END, max_length=4), alphabet=Numbers())


@pytest.mark.parametrize(
    ("batches", "rows", "expected"),
    [
        (1, 9, ["10 10", "10 13", "10 15", "10 17"]),  # of 8 whole ones the first, third, ...
        (2, 9, ["10 10", "10 15", "11 10", "11 15"]),
        (4, 9, ["10 10", "11 10", "12 10", "13 10"]),
        (8, 9, ["10 10", "12 10", "14 10", "16 10"]),
        (3, 1, ["10 10", "11 10", "12 10"]),  # there are no more
    ],
)
def test_examples_are_spread_and_whole(batches: int, rows: int, expected: list[str]) -> None:
    found = chosen_examples(DATA, Loader(batches, rows), count=4)
    assert [text for _, true in found for text in true] == expected
    for batch, true in found:
        assert [Numbers().decode(ids[:-1]) for ids in batch.y] == true


def test_each_picture_is_of_its_own_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "elman.diagnostics.caption_pictures.captions_of",
        lambda task, data, batch: [f"said {i}" for i in batch.y[:, 1]],
    )
    examples = chosen_examples(DATA, Loader(2, 9), count=4)
    painted = SimpleNamespace(picture=lambda context: context[0] * 0 + context[1])
    found = shown_examples(TASK, painted, examples)
    assert [(e.picture.tolist(), e.true, e.decoded) for e in found] == [
        ([10, 10], "10 10", "said 10"),
        ([10, 10], "10 15", "said 15"),
        ([11, 11], "11 10", "said 10"),
        ([11, 11], "11 15", "said 15"),
    ]
    assert [e.picture for e in shown_examples(TASK, DATA, examples)] == [None] * 4


def test_a_figure_marks_what_is_wrong() -> None:
    """Captions are no formulas, and nothing in them is obeyed."""
    shown = [
        Shown(torch.rand(4, 6), "two", "two"),
        Shown(torch.rand(4, 6), "$x_$ \\frac", "a\x1b[2J"),
        Shown(torch.rand(4, 6), "six", ""),
    ]
    figure = caption_figure(shown)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["two", "$x_$ \\frac\n✗ a\N{REPLACEMENT CHARACTER}[2J", "six\n✗ (nothing)"]
    assert [axes.title.get_color() for axes in figure.axes] == ["black", "firebrick", "firebrick"]
    figure.savefig(io.BytesIO(), format="png")
    assert caption_summary(shown).splitlines() == [
        "captions of validation, and what the network predicts:",
        "",
        "  two         right",
        "  $x_$ \\frac  ✗ a\N{REPLACEMENT CHARACTER}[2J",
        "  six         ✗ (nothing)",
    ]
    assert caption_summary([]) == ""


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("size", [(8, 8), (16, 135), (2, 900), (90, 4, 3)])
def test_any_shape_makes_a_figure(size: tuple[int, ...], count: int) -> None:
    figure = caption_figure([Shown(torch.rand(size), "word " * 30, "")] * count)
    assert len(figure.axes) == count
    figure.savefig(io.BytesIO(), format="png")


def test_pictures_of_the_data() -> None:
    digit = DigitCaptions()
    assert digit.picture(torch.arange(64.0))[1].tolist() == list(range(8, 16))
    rgb = ImageCaptions(path="none", size=Size(height=2, width=4, colours="rgb")).picture(torch.arange(24.0))
    assert rgb[1, 2].tolist() == [18, 19, 20]
    grey = ImageCaptions(path="none", size=Size(height=2, width=4, colours="grey")).picture(torch.arange(8.0))
    assert grey.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    video = VideoCaptions(path="none", size=Size(height=2, width=4, colours="rgb"))
    film = video.picture((torch.arange(96.0).view(4, 24), torch.tensor(3)))
    assert film.shape == (2, 3 * 5 - 1, 3)
    assert film[1, 2 * 5 + 3].tolist() == [69, 70, 71]
    frames = torch.zeros(5, 16, 16)
    frames[0, 3, 4], frames[2, 15, 0] = 1.0, 0.7
    strip = MovingDigits(videos=1, val_videos=1).picture(
        (frames.flatten(1), torch.tensor(3))
    )  # 2 are padding
    assert strip.shape == (16, 3 * 16 + 2)
    assert strip[3, 4] == 1
    assert strip[15, 2 * 17] == 0.7
    assert strip[:, [16, 33]].unique().tolist() == [0.5]
    assert float(strip.sum()) == pytest.approx(1.7 + 2 * 16 * 0.5)


def test_a_run_keeps_them(folder, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write("r.yaml", RECIPE)
    assert main(["fit", "r.yaml"]) == 0
    printed = capsys.readouterr().out
    assert "captions of validation, and what the network predicts:" in printed
    assert "a sample:" not in printed
    run = folder.run()
    assert {"val/exact", "val/character_error_rate", "val/word_error_rate", "test/beam_exact"} <= set(
        run.data.metrics
    )
    pictures = sorted(p.name for p in folder.path.rglob("captions/*.png"))
    seen = [step for key, step, _ in folder.points(run) if key == "val/exact"]
    assert pictures == [f"{step:014d}.png" for step in seen]
    assert len(pictures) >= 2
    assert main(["predict", run.info.run_id, "--output=said.csv"]) == 0
    assert main(["sample", run.info.run_id]) == 2
    assert "elman predict" in capsys.readouterr().err
    with open("said.csv", newline="", encoding="utf-8") as file:
        said = list(csv.DictReader(file))
    assert len(said) == 297
    right = sum(row["target"] == row["prediction"] for row in said) / 297
    assert right == pytest.approx(run.data.metrics["test/exact"], abs=1e-9)
    right = sum(row["target"] == row["beam"] for row in said) / 297
    assert right == pytest.approx(run.data.metrics["test/beam_exact"], abs=1e-9)
