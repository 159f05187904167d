"""Texts with labels: every form they come in, their parts, and their ids."""

import json

import numpy as np
import pytest
import torch
from labelled_toys import FORMS, SHARES, TEXTS, found, ready, refused, table, written

from datamodules.collecting.partition import Partition
from datamodules.labelled_text import LabelledText
from elman.errors import BadInput


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_gives_the_same_texts(tmp_path, form):
    path, options = form(tmp_path)
    data = ready(path, unit="bytes", **options)
    assert data.classes == ["neg", "pos"]
    assert found(data) == dict(TEXTS)
    assert data.class_counts.tolist() == [12, 12]


def test_usual_names_need_no_other_column_to_be_left_out(tmp_path):
    rows = [("7", text, "x", label) for text, label in TEXTS]
    path = table(tmp_path / "a.csv", rows, names=("id", "Text", "note", "LABEL"))
    assert found(ready(path, unit="bytes")) == dict(TEXTS)


def test_a_text_may_run_over_lines(tmp_path):
    path = table(tmp_path / "a.csv", [(f'"one {i}, a ""b""\ntwo"', str(i % 2)) for i in range(20)])
    data = ready(path)
    assert found(data)['one 3 , a " b " two'] == "1"
    assert data.found.names[1] == "a.csv:4"


@pytest.mark.parametrize("other", ["plain", '"over\ntwo lines"'])
def test_a_text_may_be_long(tmp_path, other):
    """Of any kind of file: Arrow reads the first, `csv` the second."""
    path = table(tmp_path / "a.csv", [*TEXTS, (other, "pos"), ("long " * 40_000, "neg")])
    assert found(ready(path, unit="characters"))["long " * 40_000] == "neg"


def test_quotes_may_be_text(tmp_path):
    path = table(tmp_path / "a.tsv", [(f'"tis {i}', str(i % 2)) for i in range(20)], join="\t")
    refused(path, r"a.tsv:2: .*set data\.quote=null")
    assert '" tis 3' in found(ready(path, quote=None))


# Labels, parts, groups, copies


def test_labels_are_numbers_in_their_order(tmp_path):
    labels = [1, 2.0, 10, "10", 1.0]
    rows = [json.dumps({"text": f"text {i}", "label": labels[i % 5]}) for i in range(50)]
    assert ready(written(tmp_path / "a.jsonl", rows)).classes == ["1", "2", "10"]


def test_a_column_names_the_parts(tmp_path):
    names = ["train"] * 24 + ["dev"] * 6 + ["test"] * 10
    rows = [(text, label, part) for (text, label), part in zip(TEXTS, names, strict=True)]
    data = ready(table(tmp_path / "a.csv", rows, names=("text", "label", "fold")), part="fold")
    assert [len(part) for part in data.parts] == [24, 6, 10]
    assert data.found.names[int(data.parts[2][0])] == "a.csv:32"


def test_validation_is_drawn_from_a_given_training_part(tmp_path):
    for part, texts in (("train", TEXTS[:30]), ("test", TEXTS[30:])):
        for number, (text, label) in enumerate(texts):
            (tmp_path / part / label).mkdir(parents=True, exist_ok=True)
            (tmp_path / part / label / f"{number}.txt").write_text(text)
    data = ready(tmp_path)
    assert {data.found.names[i].split("/")[0] for i in data.parts[2]} == {"test"}
    assert {data.found.names[i].split("/")[0] for part in data.parts[:2] for i in part} == {"train"}
    assert [len(part) for part in data.parts] == [22, 8, 10]


def test_tables_named_by_part(tmp_path):
    for name, rows in (("train", TEXTS[:24]), ("valid", TEXTS[24:30]), ("test", TEXTS[30:])):
        table(tmp_path / f"{name}.csv", rows)
    assert [len(part) for part in ready(tmp_path).parts] == [24, 6, 10]


def test_groups_stay_together(tmp_path):
    rows = [(text, label, f"author {i // 4}") for i, (text, label) in enumerate(TEXTS)]
    data = ready(table(tmp_path / "a.csv", rows, names=("text", "label", "author")), group="author")
    owners = [{data.found.fields["group"][i] for i in part} for part in data.parts]
    assert sum(map(len, owners)) == 10


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("folds", [None, 5])
def test_copies_are_on_one_side(tmp_path, seed, folds):
    rows = [*TEXTS, *((text.upper(), label) for text, label in TEXTS[::2])]
    path = table(tmp_path / "a.csv", rows)
    data = ready(path, split=Partition(shares=(0.6, 0.2, 0.2), seed=seed, folds=folds))
    texts = [{rows[i][0].lower() for i in part} for part in data.parts]
    assert sum(map(len, data.parts)) == 60
    assert sum(map(len, texts)) == 40
    assert "20 texts are copies of another one, and on its side of the split" in data.summary()


@pytest.mark.parametrize("seed", range(5))
def test_texts_that_the_cut_makes_equal_are_on_one_side(tmp_path, seed):
    """All 40 differ in their third word; of the last two, which are kept, there are 13 in each class."""
    rows = [(f"word {i} number {i % 13} {label}", label) for i in range(20) for label in ("pos", "neg")]
    path = table(tmp_path / "a.csv", rows)
    data = ready(path, max_steps_per_text=2, split=Partition(shares=(0.6, 0.2, 0.2), seed=seed))
    kept = [{tuple(rows[i][0].split()[-2:]) for i in part} for part in data.parts]
    assert len(set.union(*kept)) == 26
    assert sum(map(len, kept)) == 26
    assert "14 texts are copies of another one, and on its side of the split" in data.summary()


def test_copies_on_given_sides_leave_the_earlier_one(tmp_path):
    rows = [(*row, "train") for row in TEXTS] + [(*row, "test") for row in TEXTS[:10]]
    rows += [(f"other {i}", label, "test") for i, (_, label) in enumerate(TEXTS[:6])]
    data = ready(table(tmp_path / "a.csv", rows, names=("text", "label", "part")), part="part")
    assert [len(part) for part in data.parts] == [23, 7, 16]
    assert "skipped 10: the same text as one in a later part (train, val, test): a.csv:2" in str(
        data.summary()
    )


# Steps and their ids


def test_units(tmp_path):
    path = table(tmp_path / "a.csv", [(f'"It\'s Öl, {i}!"', str(i % 2)) for i in range(20)])
    assert "it's öl , 3 !" in found(ready(path))
    assert "It's Öl , 3 !" in found(ready(path, lower=False))
    assert "it's öl, 3!" in found(ready(path, unit="characters"))
    data = ready(path, unit="bytes")
    assert "it's öl, 3!" in found(data)
    assert data.input_size == 256
    ids = [data._examples.window(i, 0, 99).x.tolist() for i in range(20)]
    assert list("it's öl, 3!".encode()) in ids


def test_only_training_decides_what_is_listed(tmp_path):
    rows = [
        ("a a b", "0", "train"),
        ("b c a", "1", "train"),
        ("d d d", "0", "train"),
        ("e d a c", "1", "train"),
    ]
    rows += [("f a", "0", "val"), ("f f", "1", "val"), ("b f", "0", "test"), ("a f", "1", "test")]
    path = table(tmp_path / "a.csv", rows, names=("text", "label", "part"))
    data = ready(path, part="part", min_count=2, max_symbols=3)
    assert data.vocabulary.listed == ["a", "d", "b"]  # c comes as often as b, and later
    assert data.val_dataloader().batch(0).x.tolist() == [[0, 1], [0, 0]]
    assert any(
        "3 words are listed; 75.0% of the validation part's are not" in line for line in data.summary()
    )


@pytest.mark.parametrize(("keep", "kept"), [("first", "a b c"), ("last", "c d e")])
def test_long_texts_keep_an_end(tmp_path, keep, kept):
    rows = [("a b c d e", "0"), ("a b", "1")] * 2 + [(f"a {letter}", "1") for letter in "bcdefghij"]
    data = ready(table(tmp_path / "a.csv", rows), max_steps_per_text=3, keep=keep)
    assert kept in found(data)
    assert f"2 texts were longer, and keep their {keep} words" in data.summary()


def test_a_checkpoint_brings_its_symbols(tmp_path):
    path = table(tmp_path / "a.csv", TEXTS)
    first = ready(path)
    (tmp_path / "other").mkdir()
    other = table(
        tmp_path / "other" / "a.csv", [(f"bad or new {i}", ["neg", "pos"][i % 2]) for i in range(20)]
    )
    data = LabelledText(path=str(other), split=SHARES)
    data.load_state_dict(first.state_dict())
    data.setup("test")
    assert data.input_size == first.input_size
    assert data._examples.window(0, 0, 2).x.tolist() == [first.vocabulary.ids["bad"], 0]
    data = LabelledText(path=str(path), split=SHARES, unit="bytes")
    data.load_state_dict(first.state_dict())
    with pytest.raises(BadInput, match=r"data\.unit=bytes, but the checkpoint was trained with words"):
        data.setup("test")


def test_a_state_is_plain(tmp_path):
    state = ready(table(tmp_path / "a.csv", TEXTS)).state_dict()
    torch.save(state, tmp_path / "state.pt")
    assert torch.load(tmp_path / "state.pt", weights_only=True) == state


def test_texts_are_kept_as_numbers(tmp_path):
    data = ready(table(tmp_path / "a.csv", TEXTS))
    assert data._examples.ids.dtype == np.uint8
    assert len(data._examples.ids) == 40 * 5
