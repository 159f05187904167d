"""Texts with labels: every form they come in, and what is said of those that cannot be read."""

import errno
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from datamodules.collecting.partition import Partition
from datamodules.labelled_text import LabelledText
from elman.errors import BadInput

SHARES = Partition(shares=(0.6, 0.2, 0.2))
GOOD, BAD = "word number {} is good", "word number {} is bad"
TEXTS = [(form.format(i), name) for i in range(20) for form, name in ((GOOD, "pos"), (BAD, "neg"))]


def ready(path, **options):
    data = LabelledText(path=str(path), **{"split": SHARES, "min_count": 1, **options})
    data.setup("fit")
    return data


def written(path, lines, end="\n"):
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


def found(data):
    """Text of the example -> its class, as the loaders give them."""
    said = {}
    for part in ("train", "val", "test"):
        loader = data.loader(part)
        for index in range(loader.length or 2):
            batch = loader.batch(index)
            for row, length in enumerate(batch.lengths.tolist()):
                assert batch.scored[row].nonzero().flatten().tolist() == [length - 1]
                text = data.vocabulary.decode(batch.x[row, :length])
                said[text] = data.classes[int(batch.y[row, length - 1])]
    return said


def refused(path, said, **options):
    with pytest.raises(BadInput, match=said) as caught:
        ready(path, **options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def table(path, rows, names=("review", "sentiment"), join=","):
    return written(path, [join.join(row) for row in ([names, *rows] if names else rows)])


# Every form of the same 40 texts


def as_csv(folder):
    return table(folder / "a.csv", TEXTS), {}


def as_csv_without_header(folder):
    return table(folder / "a.csv", [(label, text) for text, label in TEXTS], names=None), {}


def as_csv_with_unusual_names(folder):
    return table(folder / "a.csv", TEXTS, names=("what", "polarity")), {}


def as_csv_by_name(folder):
    rows = [(str(i), text, label) for i, (text, label) in enumerate(TEXTS)]
    return table(folder / "a.csv", rows, names=("id", "a", "b")), {"text": "a", "label": "b"}


def as_csv_by_number(folder):
    rows = [(str(i), text, label) for i, (text, label) in enumerate(TEXTS)]
    return table(folder / "a.csv", rows, names=None), {"text": 1, "label": 2}


def as_quoted_csv(folder):
    rows = [(f'"{text}"', f' "{label}"'.strip()) for text, label in TEXTS]
    return written(folder / "a.csv", [",".join(row) for row in [("text", "label"), *rows]], end="\r\n"), {}


def as_tsv(folder):
    return table(folder / "a.tsv", TEXTS, join="\t"), {}


def as_anything_with_a_delimiter(folder):
    return table(folder / "a.txt", TEXTS, join="|"), {"delimiter": "|"}


def as_csv_with_a_byte_order_mark(folder):
    path = table(folder / "a.csv", TEXTS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    return path, {"text": "review", "label": "sentiment"}


def as_json_lines(folder):
    rows = [json.dumps({"label": label, "stars": 3, "text": text}) for text, label in TEXTS]
    return written(folder / "a.jsonl", rows), {}


def as_parquet(folder):
    texts, labels = zip(*TEXTS, strict=True)
    columns = pyarrow.table({"text": texts, "label": pyarrow.array(labels).dictionary_encode()})
    pyarrow.parquet.write_table(columns, folder / "a.parquet")
    return folder / "a.parquet", {}


def as_a_file_for_each_class(folder):
    for name in ("pos", "neg"):
        written(folder / f"reviews.{name}", [text for text, label in TEXTS if label == name])
    (folder / "README").write_text("about")
    return folder, {}


def as_text_files_named_by_class(folder):
    for name in ("pos", "neg"):
        written(folder / f"{name}.txt", [text for text, label in TEXTS if label == name])
    (folder / "notes.md").write_text("about")
    return folder, {}


def as_a_folder_for_each_class(folder):
    for number, (text, label) in enumerate(TEXTS):
        (folder / label / "inner").mkdir(parents=True, exist_ok=True)
        (folder / label / "inner" / f"{number}.txt").write_text(text)
    (folder / "urls.txt").write_text("about")
    return folder, {}


def as_the_only_table_of_a_folder(folder):
    return as_csv(folder)[0].parent, {}


FORMS = [value for name, value in list(globals().items()) if name.startswith("as_")]


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


# What is wrong with it

ROWS = [f"{text},{label}" for text, label in TEXTS]
FAULTS = {
    "empty": ("a.csv", b"", "a.csv: is empty"),
    "blank": ("a.csv", b"\n\n\n", "a.csv: has no rows"),
    "header only": ("a.csv", b"text,label\n", "a.csv: has a header and no rows"),
    "one column": ("a.csv", b"text label\nfine 1\n", r"columns are 0 'text label'.*data\.delimiter"),
    "three columns": (
        "a.csv",
        b"1,good,x\n2,bad,y\n",
        r"its columns are 0 '1', 1 'good', 2 'x'; set data\.text",
    ),
    "an open quote": (
        "a.csv",
        b'text,label\nfine,1\n"open,0\nfine,1\n',
        "a.csv:3: a quote opens in this row",
    ),
    "a quote inside": ("a.csv", b'text,label\n"a" b,1\n', "a.csv:2: the row's quotes are not those of CSV"),
    "zip": ("a.csv", None, "a.csv: is no CSV but a zip archive"),
    "gzip": ("a.csv", b"\x1f\x8b\x08\x00abc", "packed by gzip"),
    "UTF-16": ("a.csv", "text,label\nfine,1\n".encode("utf-16"), "UTF-16"),
    "CR alone": ("a.csv", b"text,label\rfine,1\rbad,0\r", "lines end in CR alone"),
    "no suffix": ("reviews", b"text,label\nfine,1\n", r"its suffix '' names no kind of table"),
    "array": ("a.json", b'[{"text": "a", "label": 1}]', "one JSON array"),
    "no JSON": ("a.jsonl", b"\n", "a.jsonl: has no rows"),
    "parquet": ("a.parquet", b"PAR1 and nothing else PAR1", "is no parquet file or a damaged one"),
    "one class": ("a.csv", b"text,label\na,1\nb,1\n", "all 2 texts have the one label '1'"),
    "no classes": (
        "a.csv",
        "\n".join(["text,label", *(f"text,{i}" for i in range(200))]).encode(),
        "200 different labels on 200 texts",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_file_that_cannot_be_read(tmp_path, fault):
    name, content, said = FAULTS[fault]
    path = tmp_path / name
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("sheet.xml", "x")
    else:
        path.write_bytes(content)
    refused(path, said)
    refused(path, said, skip_bad=True)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"fine,", "missing label"),
        (b",pos", "empty text"),
        (b"  ,pos", "empty text"),
        (b"fine,pos,more", "ragged row; it has 3 columns, the first row 2"),
        (b"fine", "ragged row; it has 1 columns"),
        (b"caf\xe9,pos", "not UTF-8; 0xe9 at byte"),
        (b"fine,p\xe9s", "not UTF-8; 0xe9 at byte"),
        (b"fi\0ne,pos", "NUL byte"),
    ],
)
def test_a_bad_row(tmp_path, row, said):
    path = table(tmp_path / "a.csv", TEXTS)
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:5], row, *lines[5:]]))
    message = refused(path, rf"a.csv:6: {said}")
    assert "data.skip_bad=true" in message
    data = ready(path, skip_bad=True)
    assert len(data.found.names) == 40
    assert [skip.name for skip in data.found.skipped] == [f"{path}:6"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "broken JSON"),
        ("[" * 100_000, "broken JSON"),
        ("3", "not a JSON object; it is a int"),
        ('{"text": "fine"}', "missing label"),
        ('{"text": "fine", "label": null}', "missing label"),
        ('{"text": "fine", "label": NaN}', "missing label"),
        ('{"text": "fine", "label": ["a"]}', "the label is neither text nor a number"),
        ('{"text": 7, "label": 1}', "the text is no text"),
        ('{"text": "\\ud800", "label": 1}', "not UTF-8"),
        ('{"label": 1}', "empty text"),
    ],
)
def test_a_bad_line_of_json(tmp_path, row, said):
    rows = [json.dumps({"text": text, "label": label}) for text, label in TEXTS]
    path = written(tmp_path / "a.jsonl", [*rows[:5], row, *rows[5:]])
    refused(path, f"a.jsonl:6: {said}")
    assert len(ready(path, skip_bad=True).found.names) == 40


def test_columns_that_are_not_there(tmp_path):
    path = table(tmp_path / "a.csv", TEXTS)
    refused(
        path, r"data\.text='words' names no column; its columns are 0 'review', 1 'sentiment'", text="words"
    )
    refused(path, r"data\.label=5 names no column", label=5)
    refused(path, r"header=false, but columns are named", label="sentiment", header=False)
    refused(path, r"are the same column", label="review", text=0)
    table(path, TEXTS, names=("text", "text"))
    refused(path, r"data\.text='text' names several columns", text="text", label=1)


def test_unknown_part(tmp_path):
    path = table(tmp_path / "a.csv", [(*TEXTS[0], "extra")], names=("text", "label", "part"))
    refused(path, "a.csv:2: unknown part; 'extra' is none of train", part="part")


def test_parquet_of_other_values(tmp_path):
    path = tmp_path / "a.parquet"
    texts, labels = zip(*TEXTS, strict=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": [*texts, None], "label": [*labels, "pos"]}), path)
    refused(path, "a.parquet:41: empty text")
    assert len(ready(path, skip_bad=True).found.names) == 40
    pyarrow.parquet.write_table(pyarrow.table({"text": [b"a", b"b"], "label": [1.5, 2]}), path)
    refused(path, "a.parquet:1: the text is no text; it is the bytes")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path, "is no parquet file or a damaged one")


def test_damage_inside_parquet(tmp_path):
    path = tmp_path / "a.parquet"
    texts, labels = zip(*TEXTS, strict=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": texts, "label": labels}), path)
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(bytes(content))
    refused(path, "damaged after row 0")


def test_paths(tmp_path):
    refused(tmp_path / "none.csv", "no such file or folder")
    refused(tmp_path, "holds no file")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "neither a file nor a folder")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "pos/a.txt"])
def test_unreadable(tmp_path, monkeypatch, name):
    """As it is for those whom the system lets not read everything."""

    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    as_a_folder_for_each_class(tmp_path)
    (tmp_path / name).write_text("text,label")
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(pyarrow.parquet, "ParquetFile", refuse)
    with pytest.raises(BadInput, match=r"cannot be read \(Permission denied\)"):
        ready(tmp_path if "/" in name else tmp_path / name)


def test_bad_files_among_good_ones(tmp_path):
    folder, _ = as_a_folder_for_each_class(tmp_path)
    (folder / "pos" / "a.txt").write_bytes(b"")
    (folder / "pos" / "b.txt").write_bytes(b"caf\xe9")
    (folder / "pos" / "c.txt").write_bytes(b"PK\x03\x04")
    (folder / "neg" / "d.txt").write_bytes(b"a\0b")
    (folder / "neg" / ".hidden").write_bytes(b"hidden")
    (folder / "neg" / "link.txt").symlink_to("/etc/passwd")
    (folder / "linked").symlink_to("/etc")
    with pytest.raises(BadInput, match=r"neg/d.txt: NUL byte"):
        ready(folder)
    data = ready(folder, skip_bad=True, unit="bytes")
    assert found(data) == dict(TEXTS)
    summary = "\n".join(data.summary())
    for said in (
        "empty text",
        "not UTF-8",
        "is no CSV but a zip",
        "NUL byte",
        "a hidden file",
        "a link file",
    ):
        assert said in summary
    assert data.description()["metadata"]["skipped"] == 7


def test_a_class_that_training_alone_has(tmp_path):
    for part in ("train", "test"):
        for number, (text, label) in enumerate(TEXTS):
            (tmp_path / part / label).mkdir(parents=True, exist_ok=True)
            (tmp_path / part / label / f"{number}.txt").write_text(f"{text} {part}")
    (tmp_path / "train" / "unsup").mkdir()
    (tmp_path / "train" / "unsup" / "0.txt").write_text("who knows")
    refused(tmp_path, r"no class 'unsup' in its part test.*data\.classes.*\['neg', 'pos'\]")
    data = ready(tmp_path, classes=["pos", "neg"])
    assert data.classes == ["neg", "pos"]
    assert "of a class that data.classes leaves out: train/unsup/0.txt" in "\n".join(data.summary())
    refused(tmp_path, "data.classes names 'good', but there are neg, pos, unsup", classes=["pos", "good"])


def test_wanted_classes_of_a_table(tmp_path):
    rows = [*TEXTS, ("who knows", "unsure")]
    data = ready(table(tmp_path / "a.csv", rows), classes=["pos", "neg"], unit="bytes")
    assert found(data) == dict(TEXTS)


def test_files_that_tell_no_classes(tmp_path):
    table(tmp_path / "pos.csv", TEXTS)
    table(tmp_path / "neg.csv", TEXTS)
    refused(tmp_path, r"cannot tell classes from its files \(neg.csv, pos.csv\)")


def test_a_class_file_without_text(tmp_path):
    as_text_files_named_by_class(tmp_path)
    (tmp_path / "pos.txt").write_text("\n\n")
    with pytest.raises(BadInput, match=r"pos\.txt: is empty"):
        ready(tmp_path)


def test_one_example_in_a_class(tmp_path):
    data = ready(table(tmp_path / "a.csv", [*TEXTS, ("who knows", "unsure")]))
    assert data.class_counts.tolist() == [12, 12, 1]
    assert any("12.0 times the rarest" in line for line in data.summary())


def test_columns_of_no_table(tmp_path):
    as_text_files_named_by_class(tmp_path)
    with pytest.raises(BadInput, match=r"data\.group names a column, but this is no table"):
        ready(tmp_path, group="author")


def test_a_line_without_end(tmp_path):
    path = table(tmp_path / "a.csv", [*TEXTS, ("long " * (4 << 20), "pos")])
    refused(path, "a.csv:42: longer than 16 MiB")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"path": " "}, "path must name a file or a folder"),
        ({"unit": "lines"}, "unit must be one of words, characters, bytes, got 'lines'"),
        ({"keep": "middle"}, "keep must be first or last"),
        ({"max_symbols": 0}, "max_symbols must be a whole number of at least 1"),
        ({"min_count": 0}, "min_count must be a whole number of at least 1"),
        ({"max_steps_per_text": 0}, "max_steps_per_text must be a whole number of at least 1"),
        ({"classes": "pos"}, "classes must be a list of two or more labels"),
        ({"text": -1}, "text must be a whole number of at least 0"),
        ({"delimiter": ", "}, "delimiter must be one character"),
        ({"quote": ",", "delimiter": ","}, "delimiter and quote must differ"),
    ],
)
def test_bad_arguments(options, said):
    with pytest.raises(ValueError, match=said):
        LabelledText(**{"path": "a.csv", **options})
