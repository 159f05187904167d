"""Which strategy lets the loss at 'u' of "a_sequence" learn about 's', as the product prints it."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from strategy_toys import RandomReach

from elman.bptt import UORO, EProp, Full, Jittered, Randomised, Split, Truncated
from elman.cli import main
from elman.cores.crossing import Crossing
from elman.diagnostics import CreditPicture
from elman.diagnostics.credit import credit_figure, reach, reach_of
from elman.tasks.way_back import WayBack

FOLDER = Path(__file__).parents[2] / "experiments" / "reach"
HEAD = ["recipe", "strategy", "steps the loss at 'u' can change", "learns about 's'?"]
TABLE = [  # written out by hand: 'u' is step 6, 's' step 3, counted from 1
    ("full", "Full()", "a _ s e q u", "yes"),
    ("checkpointed", "Checkpointed(window=3)", "a _ s e q u", "yes"),
    ("split", "Split(k=4)", "q u", "no"),
    ("truncated_4_4", "Truncated(k1=4, k2=4)", "q u", "no"),
    ("truncated_1_4", "Truncated(k1=1, k2=4)", "s e q u", "yes"),
    ("truncated_4_7", "Truncated(k1=4, k2=7)", "_ s e q u", "yes"),
    ("truncated_2_5", "Truncated(k1=2, k2=5)", "_ s e q u", "yes"),
]
ECHO = [
    *(("full", "100%"), ("truncated_8_16", "100%"), ("truncated_8_8", "0%"), ("split", "0%")),
    *(("jittered", "13%"), ("randomised", "100%"), ("adaptive", "0%")),
]


def columns(line):
    """The cells of a printed line; at least two spaces stand between them."""
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


def test_the_table(capsys):
    assert main(["credit", *[str(FOLDER / f"{name}.yaml") for name, *_ in TABLE]]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert columns(head)[:4] == HEAD
    assert [tuple(columns(line)[:4]) for line in lines] == [(f"reach/{row[0]}", *row[1:]) for row in TABLE]


def test_steps_that_burn_in_take_no_part(capsys):
    """The command measures it on the network's own gradient, too, and refuses where the two differ."""
    recipes = [str(FOLDER / f"{name}.yaml") for name in ("truncated_4_7", "full")]
    assert main(["credit", *recipes, "--model.burn_in=3"]) == 0
    _, *lines = capsys.readouterr().out.splitlines()
    assert [tuple(columns(line)[2:]) for line in lines] == [
        ("e q u", "no", "4/4/5", "90%"),  # losses at steps 3 to 8 reach 1, 2, 3, 4, 5 and 4 steps: 19 of 21
        ("e q u", "no", "6/6/6", "100%"),
    ]
    axes, *_ = credit_figure(Full(), torch.arange(7) == 0, burn_in=2).axes
    shown = axes.images[0].get_array().data
    expected = [[float(s >= 2) for s in range(t + 1)] if t >= 2 else [0.0] * (t + 1) for t in range(7)]
    assert [row[: t + 1].tolist() for t, row in enumerate(shown)] == expected


def test_credit_that_decays_is_shown_with_its_weight(capsys):
    """A look-back of 8 steps in all losses but the first 8, each at half the credit: 0.917 ** 8 = 0.5."""
    options = ["--model.credit_decay=0.917", "--model.state_clip=1"]
    assert main(["credit", str(FOLDER / "echo_truncated_8_16.yaml"), *options]) == 0
    head, line = (columns(text) for text in capsys.readouterr().out.splitlines())
    cells = dict(zip(head, line, strict=True))
    assert cells["losses that reach lag 8"] == "50%"
    assert cells["strategy"] == "Truncated(k1=8, k2=16), credit_decay=0.917, state_clip=1.0"
    assert cells["this holds"] == "where no gradient of the state is clipped"
    figure = credit_figure(Full(), torch.arange(7) == 0, way_back=WayBack(Crossing(decay=0.5)))
    shown = figure.axes[0].images[0].get_array().data
    assert [row[: t + 1].tolist() for t, row in enumerate(shown)] == [
        [0.5 ** (t - s) for s in range(t + 1)] for t in range(7)
    ]
    assert figure.get_suptitle().startswith("Full(), credit_decay=0.5\ncoloured: charged")


def test_every_recipe_of_a_sequence_is_in_the_table():
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {row[0] for row in TABLE} | {
        f"echo_{e}" for e, _ in ECHO
    }


def test_losses_that_reach_the_lag_of_echo(capsys):
    assert main(["credit", *[str(FOLDER / f"echo_{name}.yaml") for name, _ in ECHO]]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    place = columns(head).index("losses that reach lag 8")
    assert [columns(line)[place] for line in lines] == [share for _, share in ECHO]


@pytest.mark.parametrize(
    ("bptt", "least", "mean", "most", "pairs"),
    [
        (Full(), 7, 7, 7, 28),
        (Split(k=3), 1, 7 / 4, 3, 13),  # 1 2 3 1 2 3 1 steps; the first three losses have no more to reach
        (Truncated(k1=1, k2=3), 3, 3, 3, 18),  # 1 2 3 3 3 3 3
        (Truncated(k1=2, k2=4), 3, 10 / 3, 4, 20),  # 1 2 3 4 3 4 3
    ],
)
def test_reach_of_seven_steps(bptt, least, mean, most, pairs):
    found = reach(bptt, torch.arange(7) == 0)
    assert (found.least, found.most, found.doubled) == (least, most, 0)
    assert found.mean == pytest.approx(mean)
    assert found.covered == pytest.approx(pairs / 28)


def test_expected_credit_has_a_scale():
    """Truncated(2, k2), k2 = 2 to 6 alike: a share of the draws reaches each earlier step."""
    bptt = RandomReach(k1=2, longest=6)
    assert reach(bptt, torch.arange(7) == 0).most == 6
    bptt.begin(4)
    matrix, draw, scale = credit_figure(bptt, torch.arange(7) == 0).axes
    (image,), (one,) = matrix.get_images(), draw.get_images()
    assert image.get_array()[6, 1:].tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert scale.get_ylabel() == "credit"
    assert one.get_array()[6].tolist() == bptt.drawn_credit(7)[6].tolist()


def test_one_scale_for_what_is_expected_and_one_draw():
    """The draw of Randomised weighs some pairs more than fourfold; 1 has the same colour on both sides."""
    matrix, draw, scale = credit_figure(Randomised(k=4, length=8), torch.arange(60) == 0).axes
    (expected,), (one,) = matrix.get_images(), draw.get_images()
    assert one.get_array().max() > 4
    assert expected.get_clim() == one.get_clim() == (0, 3)
    assert scale.get_ylabel() == "credit"


def test_credit_that_counts_again_has_a_legend():
    figure = credit_figure(Truncated(k1=2, k2=6, scored="window"), torch.arange(9) == 0)
    _, legend = figure.axes
    assert [label.get_text() for label in legend.get_yticklabels()] == ["0", "1", "2", "3"]
    assert legend.get_ylabel() == "times charged"
    assert "pairs count more than once" in figure.get_suptitle()
    many, scale = credit_figure(Truncated(k1=1, k2=40, scored="window"), torch.arange(60) == 0).axes
    assert many.get_images()[0].get_clim() == (0, 40)
    assert scale.get_ylabel() == "credit"


@pytest.mark.parametrize(
    "bptt",
    [Truncated(k1=4, k2=7), Truncated(k1=2, k2=7, scored="window"), Jittered(k=4, spread=2, least=1)],
    ids=lambda s: type(s).__name__,
)
def test_nothing_is_drawn_over_the_edge(bptt):
    """Titles and legends stay within the picture and apart from each other."""
    figure = credit_figure(bptt, torch.arange(9) == 0, labels="a_sequenc")
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == list("a_sequenc")
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    (title,) = figure.texts
    for box in (*boxes, title.get_window_extent()):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y1 <= figure.bbox.height
    for one, other in itertools.pairwise(boxes):
        assert not one.overlaps(other)


def test_one_draw_has_a_column(capsys):
    command = ["credit", str(FOLDER / "full.yaml"), "--model.bptt=Jittered", "--model.bptt.k=4"]
    assert main([*command, "--model.bptt.least=1", "--model.bptt.spread=1"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert columns(head)[-3:] == ["reach least/mean/most", "pairs covered", "one draw"]
    bptt = Jittered(k=4, least=1, spread=1)
    one = reach_of(bptt.drawn_credit(9), torch.arange(9) == 0)
    assert columns(line)[-1] == f"{one.least}/{one.mean:.3g}/{one.most}, {one.covered:.0%}"


def test_pictures(tmp_path, capsys):
    assert main(["credit", str(FOLDER / "full.yaml"), f"--output={tmp_path}/pictures"]) == 0
    assert (tmp_path / "pictures" / "full.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_no_sum_of_pairs_or_only_in_expectation_says_so(capsys, tmp_path, caplog):
    full = str(FOLDER / "full.yaml")
    assert main(["credit", full, "--model.bptt=SnAp1", f"--output={tmp_path}"]) == 0
    assert "SnAp1 charges earlier steps through a unit's own carry alone" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    assert main(["credit", full, "--model.bptt=UORO", f"--output={tmp_path}"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    assert columns(line)[columns(head).index("this holds")] == "in expectation"
    assert [path.name for path in tmp_path.iterdir()] == ["full.png"]
    title = credit_figure(UORO(), torch.arange(7) == 0).get_suptitle()
    assert title.splitlines()[1].startswith("in expectation; coloured: charged")
    (batch,) = [SimpleNamespace(begins=torch.arange(7)[None] == 0)]
    data = SimpleNamespace(train_dataloader=lambda: SimpleNamespace(batch=lambda number: batch))
    trainer = SimpleNamespace(is_global_zero=True, datamodule=data)  # a logger would be asked for a picture
    with caplog.at_level("INFO", logger="elman"):
        warm = SimpleNamespace(burn_in=SimpleNamespace(steps=0))
        task = SimpleNamespace(bptt=EProp(), train_state=warm, objective=SimpleNamespace(way_back=WayBack()))
        CreditPicture().on_train_start(trainer, task)
    assert "EProp charges earlier steps" in caplog.text
    assert "there is no picture of it" in caplog.text
