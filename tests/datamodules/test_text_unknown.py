"""What of a text is listed, what is unknown, and who says so."""

import numpy as np
import pytest
import torch
from task_toys import make_trainer

from datamodules.text import Text
from datamodules.texts import lazy_text
from datamodules.texts.tokens import tokens_from, tokens_state
from elman.cores import Elman
from elman.predict.sampling import sample_text
from elman.tasks import SequenceTask

MANY = "".join(chr(0x4E00 + n) for n in range(600))


@pytest.fixture
def make(tmp_path):
    def build(text, **options):
        path = tmp_path / "data.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        small = {"batch_size": 2, "steps": 5, "cache": str(tmp_path / "cache"), "split": (0.5, 0.25, 0.25)}
        data = Text(path=str(path), **(small | options))
        data.prepare_data()
        return data

    return build


def ready(data, saved=None):
    if saved is not None:
        data.load_state_dict(saved)
    data.setup()
    return data


def test_all_characters_are_listed(make):
    data = ready(make(MANY * 4))
    assert data.input_size == 601
    assert not data.alphabet.has_unknown
    assert [data.loader(part).unknown_share for part in ("train", "val", "test")] == [0, 0, 0]
    assert data.summary() == [
        "data.txt: 2,400 characters in 1 file, 601 different ids",
        "split: 1,200 train, 600 validate, 600 test",
    ]


@pytest.mark.parametrize("index", ["whole", "lazy"])
def test_shares_that_are_unknown(make, index):
    """Ten symbols are listed; of training a quarter is none of them, of validation half, of the test all."""
    text = "abcdefghijabcdefghijabcdefghijKLMNOPQRST" + "abcdeXYXYX" * 2 + "Z" * 20
    data = ready(make(text, max_symbols=10, index=index))
    shares = [data.loader(part).unknown_share for part in ("train", "val", "test")]
    assert shares == pytest.approx([0.25, 0.5, 1.0])
    assert data.alphabet.has_unknown
    metadata = data.description()["metadata"]
    assert [metadata[f"{part}_unknown_share"] for part in ("train", "val", "test")] == pytest.approx(shares)
    assert any("unknown" in line and "25 % of train, 50 % of val" in line for line in data.summary())


def test_metrics_say_how_much_is_unknown(make):
    data = ready(make("ab" * 50 + "aX" * 25 + "Y" * 50))
    task = SequenceTask(input_size=3, output_size=3, token_ids=True, core=lambda n: Elman(n, hidden_size=2))
    trainer = make_trainer()
    trainer.validate(task, dataloaders=data.val_dataloader(), verbose=False)
    trainer.test(task, dataloaders=data.test_dataloader(), verbose=False)
    assert trainer.callback_metrics["test/unknown_share"] == 1.0
    trainer.validate(task, dataloaders=data.val_dataloader(), verbose=False)
    assert trainer.callback_metrics["val/unknown_share"] == 0.5


def test_a_lazy_sample_may_have_missed_some(make, monkeypatch):
    monkeypatch.setattr(lazy_text, "SAMPLES", 2)
    monkeypatch.setattr(lazy_text, "SAMPLE_BYTES", 50)
    assert ready(make("ab" * 500, index="lazy")).alphabet.has_unknown


def test_a_checkpoint_of_an_earlier_version_keeps_its_characters(make):
    """Once 255 were listed where a recipe did not say how many."""
    draw = np.random.default_rng(0)
    text = "".join(MANY[n] for n in np.minimum(draw.geometric(0.01, 4000), 599))
    once = ready(make(text, max_symbols=255))
    saved = {"alphabet": once.alphabet.characters, "digest": once.ids.digest}
    data = ready(make(text), saved)
    assert data.alphabet == once.alphabet
    assert data.input_size == 256
    assert data.loader("val").unknown_share == once.loader("val").unknown_share > 0
    assert ready(make(text)).input_size > 300


@pytest.mark.parametrize("unit", ["characters", "words"])
def test_unknown_is_written_only_where_training_had_it(make, unit):
    text = " ".join("abcdefghijklmnopqrstuvwxyz") * 20
    for most, has in ((None, False), (20, True)):
        tokens = ready(make(text, unit=unit, max_symbols=most)).alphabet
        assert tokens.has_unknown == has
        assert tokens_from(tokens_state(tokens)).has_unknown == has
        task = SequenceTask(
            input_size=len(tokens),
            output_size=len(tokens),
            token_ids=True,
            core=lambda n: Elman(n, hidden_size=2),
        )
        task.network.readout.bias.data[0] = 9.0  # the likeliest by far
        shown = tokens.decode([0])
        for temperature in (0.0, 1.0):
            written = sample_text(task.network, tokens, prompt="a", count=50, temperature=temperature)
            assert (shown in written) == has


def test_what_a_prompt_holds_that_training_did_not(make):
    characters, words = (
        ready(make("the cat sat " * 30, unit=unit)).alphabet for unit in ("characters", "words")
    )
    assert characters.unlisted("the dog, the dog") == ["d", "o", "g", ","]
    assert words.unlisted("the dog sat dog") == ["dog"]
    assert tokens_from({"unit": "bytes"}).unlisted("é") == []


@pytest.mark.parametrize("options", [{}, {"unit": "words"}, {"index": "lazy"}])
def test_a_byte_order_mark_is_no_symbol(make, options):
    text = "the cat sat on the mat\n" * 30
    plain = ready(make(text, **options))
    first = plain.loader("train").batch(0).x[0]
    marked = ready(make(text.encode("utf-8-sig"), **options))
    assert marked.alphabet == plain.alphabet
    assert "left out: the byte order mark at the head of 1 file" in marked.summary()
    assert marked.description()["metadata"]["byte_order_marks"] == 1
    assert torch.equal(marked.loader("train").batch(0).x[0], first)


@pytest.mark.parametrize("unit", ["characters", "words", "bytes"])
def test_a_mark_inside_is_named(make, unit):
    text = "the cat sat on the mat\n" * 10
    data = ready(make(text + "\ufeff" + text, unit=unit, split=(0.9, 0.05, 0.05)))
    said = "a byte order mark inside the text, as of files put together, is a symbol"
    assert (said in data.summary()) == (unit != "bytes")


def test_bytes_keep_the_mark(make):
    data = ready(make(b"\xef\xbb\xbfabcdefgh" * 9, unit="bytes"))
    assert data.loader("train").batch(0).x[0, :4].tolist() == [0xEF, 0xBB, 0xBF, 97]


def test_files_that_are_not_text_are_counted(tmp_path):
    for name in ("a.txt", "b.txt", "c.txt", "d.md", "e.md", ".hidden.txt"):
        (tmp_path / name).write_text(f"{name} the cat sat on the mat\n" * 9)
    data = ready(Text(path=str(tmp_path), batch_size=1, steps=5, cache=str(tmp_path / "cache")))
    assert data.summary()[-1] == "not read, by their names: 2 .md, 1 hidden"
