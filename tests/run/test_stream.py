"""`elman predict --stream`: what a pipe holds is predicted as it comes, whatever pieces it comes in."""

import io
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from piping import Piped

from datamodules.live import BLANK, LINE, NEVER, Characters, Ids, Rows, Samples
from datamodules.texts.alphabet import Alphabet
from elman.bptt import Full
from elman.cli import main
from elman.cores import LSTM, Core
from elman.errors import BadInput
from elman.predict.lines import Lines
from elman.predict.stream import Stream, pieces
from elman.tasks import SequenceTask, SquaredError

TEXT = "abba €a\nbab\n\nab€ba" * 60
SMALL = partial(LSTM, hidden_size=5, layers=2)


class Backwards(Core):
    streams = False

    def __init__(self, input_size):
        super().__init__()
        self.output_size = input_size

    def forward(self, x, carry, lengths=None):
        return x.flip(1), carry

    def initial_carry(self, row_count):
        return ()


def network(**more):
    torch.manual_seed(0)
    return SequenceTask(core=SMALL, **more).double().eval()


def characters():
    symbols = Alphabet("\nab €")
    return network(input_size=6, output_size=6, token_ids=True, embedding=3), Characters(symbols)


def values():
    reader = Rows(input_size=2, scale=torch.tensor([10.0, 2.0]), shift=torch.tensor([-1.0, 5.0]))
    return network(input_size=2, output_size=2, token_ids=False, loss=SquaredError()), reader


def classes():
    return network(input_size=4, output_size=3, token_ids=False), Samples(
        sample_rate_hz=100, frame=4, hop=2, outputs="xyz"
    )


def rows(count):
    draw = np.random.default_rng(0)
    return "".join(f"{a:.3f},{b:.3f}\n" for a, b in draw.normal(size=(count, 2)))


CASES = {
    "text": (characters, TEXT.encode(), NEVER),
    "text by line": (characters, TEXT.encode(), LINE),
    "rows": (values, (rows(300) + "\n" + rows(7)).encode(), BLANK),
    "sound": (classes, np.arange(-700, 700, dtype="<i2").tobytes(), NEVER),
}


def cut(data, size):
    return (data[start : start + size] for start in range(0, len(data), size))


def records(made, data, reset_on):
    return [r for found, _ in Stream(*made(), reset_on=reset_on).records(data) for r in found]


def agree(found, expected):
    """The same records in the same order, numbers to rounding in float64."""
    for one, other in zip(found, expected, strict=True):
        assert list(one) == list(other)
        for a, b in zip(one.values(), other.values(), strict=True):
            assert a == (pytest.approx(b, rel=1e-12, abs=1e-14) if isinstance(b, float) else b)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_however_it_is_cut(name, size):
    made, data, reset_on = CASES[name]
    agree(records(made, cut(data, size), reset_on), records(made, [data], reset_on))


def test_text_as_one_long_sequence():
    """Surprise is what the step before gave; the prediction is the likeliest symbol to follow."""
    task, reader = characters()
    ids = reader.alphabet.encode(TEXT)
    with torch.no_grad():
        chances = task.network.predict(ids[None], task.network.core.initial_carry(1))[0][0].softmax(-1)
    found = records(characters, cut(TEXT.encode(), 11), NEVER)
    assert "".join(r["character"] for r in found) == TEXT
    assert [r["step"] for r in found] == list(range(len(TEXT)))
    assert found[0]["surprise_bits"] is None
    for t, record in enumerate(found):
        assert record["probability"] == pytest.approx(float(chances[t].max()), rel=1e-12)
        assert record["prediction"] == reader.alphabet.decode([int(chances[t].argmax())])
        if t:
            bits = -float(chances[t - 1, ids[t]].log2())
            assert record["surprise_bits"] == pytest.approx(bits, rel=1e-12)


def test_values_are_in_the_datas_own_units():
    task, _ = values()
    x = torch.tensor([[0.5, -2.0], [1.0, 3.0]], dtype=torch.float64)
    with torch.no_grad():
        out = task.network.predict(x[None], task.network.core.initial_carry(1))[0][0]
    found = records(values, [b"0.5,-2\n1,3\n"], BLANK)
    expected = (out * torch.tensor([10.0, 2.0]) + torch.tensor([-1.0, 5.0])).tolist()
    assert [[r["prediction_0"], r["prediction_1"]] for r in found] == [pytest.approx(e) for e in expected]


def test_classes_have_their_probabilities():
    for record in records(classes, [CASES["sound"][1]], NEVER):
        chances = [record[f"p({name})"] for name in "xyz"]
        assert sum(chances) == pytest.approx(1)
        assert record["prediction"] == "xyz"[int(np.argmax(chances))]
    assert record["seconds"] == 14.0


def test_a_sequence_begins_anew():
    """Each line is predicted as if it stood alone."""
    lines = TEXT.splitlines(keepends=True)
    alone = [record for line in lines for record in records(characters, [line.encode()], NEVER)]
    found = records(characters, cut(TEXT.encode(), 5), LINE)
    sequences = [record.pop("sequence") for record in found]
    agree(found, alone)
    assert sequences == [number for number, line in enumerate(lines) for _ in line]
    two = records(values, [b"\n\n1,2\n\n\n1,2\n\n"], BLANK)
    assert [record["sequence"] for record in two] == [0, 1]
    assert two[0]["prediction_0"] == two[1]["prediction_0"]


def test_memory_does_not_grow():
    """100,000 characters come and go; one that were kept, with its line, would cost 300 bytes."""
    stream, held = Stream(*characters(), reset_on=NEVER), []
    with open(os.devnull, "w") as file:
        lines = Lines(file, form="csv")
        for number, (found, _) in enumerate(stream.records(b"ab a" * 250 for _ in range(110))):
            for record in found:
                lines.write(record)
            if number in (40, 435):
                held.append(psutil.Process().memory_info().rss)
    assert stream.step == 110_000
    assert held[1] - held[0] < 5_000_000


def test_a_network_that_reads_later_steps_is_refused():
    task = SequenceTask(input_size=3, output_size=3, token_ids=True, core=Backwards, bptt=Full())
    with pytest.raises(BadInput, match="Backwards reads later steps"):
        Stream(task, Ids(input_size=3), reset_on=BLANK)
    with pytest.raises(
        BadInput, match=r"--reset-on must be blank or never for ids from 0 to 2, .* got 'line'"
    ):
        Stream(network(input_size=3, output_size=3, token_ids=True), Ids(input_size=3), reset_on=LINE)


def test_lines():
    file = io.StringIO()
    lines = Lines(file, form="csv", escape=True)
    lines.write({"a": "x,\n\t\\", "b": None, "c": 1 / 3})
    assert file.getvalue() == 'a,b,c\n"x,\\n\\t\\\\",,0.333333\n'
    file = io.StringIO()
    Lines(file, form="jsonl").write({"a": "€\n", "b": None, "c": 1 / 3, "d": float("nan")})
    assert file.getvalue() == '{"a": "€\\n", "b": null, "c": 0.333333, "d": null}\n'


# The command

RECIPE = """\
model: {core: {class_path: Elman, init_args: {hidden_size: 8}}}
data: {class_path: Text, init_args: {path: text.txt, batch_size: 2, steps: 50, cache: cache}}
trainer: {max_time_steps: 400, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
"""


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory, fresh_store):
    """Networks of text and of values; what they were trained on is gone."""
    place = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        Path("mlflow.db").write_bytes(fresh_store.read_bytes())
        Path("text.txt").write_text("the cell keeps what the gate lets in\n" * 100)
        Path("r.yaml").write_text(RECIPE)
        assert main(["fit", "r.yaml", "--trainer.checkpoints=text"]) == 0
        adding = ["--data=Adding", "--data.steps=9", "--model.loss=SquaredError", "--trainer.checkpoints=sum"]
        assert main(["fit", "r.yaml", *adding]) == 0
        Path("text.txt").unlink()
        return {name: str(next(place.glob(f"{name}/*/best.ckpt"))) for name in ("text", "sum")}


@pytest.fixture
def said(monkeypatch, capsys, tmp_path):
    """Run a command with bytes on standard input: exit code, what it printed, what it complained of."""

    def run(data, *words):
        (tmp_path / "stdin").write_bytes(data)
        with open(tmp_path / "stdin", encoding="utf-8") as file:
            monkeypatch.setattr(sys, "stdin", file)
            capsys.readouterr()
            return main(["predict", *words, "--stream"]), *capsys.readouterr()

    return run


def test_text_through_the_command(checkpoints, said):
    code, out, err = said("gate\n€".encode(), checkpoints["text"])
    assert (code, err) == (0, "")
    head, *lines = out.splitlines()
    assert head == "step,character,surprise_bits,prediction,probability"
    assert [line.split(",")[:2] for line in lines] == [
        [str(n), c] for n, c in enumerate(["g", "a", "t", "e", "\\n", "€"])
    ]
    code, out, _ = said(b"gate\nlet", checkpoints["text"], "--format=jsonl", "--reset-on=line", "--last")
    found = [json.loads(line) for line in out.splitlines()]
    assert [(r["sequence"], r["step"], r["character"]) for r in found] == [(0, 4, "\n"), (1, 2, "t")]


def test_rows_through_the_command(checkpoints, said):
    code, out, err = said(b"number,marker\n0.5,1\n0.25,0\n", checkpoints["sum"], "--output=said.csv")
    assert (code, out, err) == (0, "wrote said.csv\n", "")
    assert Path("said.csv").read_text().startswith("sequence,step,prediction\n0,0,")


@pytest.mark.parametrize(
    ("data", "words", "message"),
    [
        (b"ga\xff", ["text"], "standard input: not UTF-8 at byte 2, line 1 (0xff)"),
        (b"1,2\n3\n", ["sum"], "standard input, line 2: 1 value, but a row must have 2"),
        (b"", ["text", "--reset-on=page"], "--reset-on must be never or line or blank for text"),
        (b"", ["text", "--part=val"], "--part chooses from the recipe's data"),
        (b"", ["text", "--format=xml"], "--format must be csv or jsonl, got 'xml'"),
        (b"", ["text", "--last=yes"], "--last takes no value"),
    ],
)
def test_bad_input_is_one_line(checkpoints, said, data, words, message):
    code, out, err = said(data, checkpoints[words[0]], *words[1:])
    assert code == 2
    assert err.count("\n") == 1
    assert message in err
    if data:
        assert len(out.splitlines()) > 1  # what was predicted before


def test_it_answers_while_the_pipe_is_open(checkpoints, tmp_path):
    """A character goes in, its line comes out; when nobody reads any more, it ends quietly."""
    running = Piped(tmp_path, "predict", checkpoints["text"], "--stream")
    try:
        for character in "gate":
            running.write(character.encode())
            if character == "g":
                assert running.lines.readline().startswith(b"step,")
            assert f",{character},".encode() in running.lines.readline()
        running.lines.close()
        running.write(b"more")
        assert running.wait() == 141
        assert running.errors.read_bytes() == b""
    finally:
        running.end()


def test_an_interrupt_ends_it(checkpoints, tmp_path):
    running = Piped(tmp_path, "predict", checkpoints["text"], "--stream")
    try:
        running.write(b"g")
        running.lines.readline()
        os.kill(running.process.pid, signal.SIGINT)
        assert running.wait() == 130
        assert running.errors.read_text() == "elman: interrupted\n"
    finally:
        running.end()


def test_a_pipe_gives_what_it_holds():
    reads, writes = os.pipe()
    os.write(writes, b"ab")
    found = pieces(reads)
    assert next(found) == b"ab"
    os.close(writes)
    assert list(found) == []
    os.close(reads)


def test_a_balanced_model_predicts_a_stream(folder):
    """It weighs classes by their counts in training; a pipe has no counts, and prediction needs none."""
    words = [("good fine", "up"), ("bad poor", "down"), ("good fair", "up")]
    rows = [f"{text} {number},{label}" for number in range(12) for text, label in words]
    folder.write("texts.csv", "\n".join(["text,label", *rows]))
    folder.write(
        "r.yaml",
        """\
model: {loss: {class_path: CrossEntropy, init_args: {balance: true}}, bptt: {class_path: Full}}
data: {class_path: LabelledText, init_args: {path: texts.csv, batching: {batch_size: 4}}}
trainer: {max_time_steps: 60, progress: false, accelerator: cpu}
tracking: {system_metrics: false}
""",
    )
    assert main(["fit", "r.yaml"]) == 0
    best = next(folder.path.glob("checkpoints/*/best.ckpt"))
    done = subprocess.run(
        [sys.executable, "-m", "elman", "predict", str(best), "--stream", "--last"],
        input="good fine\nbad\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    header, *lines = done.stdout.splitlines()
    assert "p(up)" in header
    assert len(lines) == 2
