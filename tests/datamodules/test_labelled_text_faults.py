"""Labelled texts that cannot be read: what is said of them, and what is left."""

import errno
import json
import os
import zipfile
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from labelled_toys import (
    TEXTS,
    as_a_folder_for_each_class,
    as_text_files_named_by_class,
    found,
    ready,
    refused,
    table,
    written,
)

from datamodules.labelled_text import LabelledText
from elman.errors import BadInput

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
