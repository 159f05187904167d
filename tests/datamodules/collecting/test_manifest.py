"""A table that names files, and what can be wrong with it."""

import pytest
from media_toys import write_table

from datamodules.collecting.findings import BadOnes
from datamodules.collecting.manifest import drawable, read_manifest
from elman.errors import BadInput


@pytest.fixture
def folder(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text(name)
    return tmp_path


def read(folder, header, *rows, skip=False, repeats=False):
    table = write_table(folder / "table.csv", header, rows)
    bad = BadOnes(skip=skip)
    return read_manifest(table, needs=("label",), bad=bad, usable=lambda path: None, repeats=repeats), bad


def test_columns_in_any_order(folder):
    found, _ = read(folder, "Label, part ,path,person", "x,testing,a.txt,ann", " y ,,b.txt,bob")
    assert found.paths == [folder / "a.txt", folder / "b.txt"]
    assert found.columns["label"] == ["x", "y"]
    assert found.columns["person"] == ["ann", "bob"]
    assert found.given == ["test", None]


def test_training_is_drawn_from_where_a_part_is_not_given():
    assert drawable(["train", "test", "val", None]) == ["train", "test", "val", None]
    assert drawable(["train", "test", None]) == [None, "test", None]


FAULTS = {
    "no label column": ("path,class", ["a.txt,x"], "must name the column 'label'"),
    "no path column": ("file,label", ["a.txt,x"], "must name the column 'path'"),
    "a column twice": ("path,label,n,n", ["a.txt,x,1,2"], "names a column twice"),
    "no rows": ("path,label", [], "names no file"),
    "ragged": ("path,label", ["a.txt,x,y"], "3 columns where"),
    "open quote": ("path,label", ['"a.txt,x'], "quote"),
    "no label": ("path,label", ["a.txt,"], "its label is empty"),
    "no such file": ("path,label", ["c.txt,x"], "there is no c.txt"),
    "leaves": ("path,label", ["../c.txt,x"], "lies outside"),
    "absolute": ("path,label", ["/etc/passwd,x"], "lies outside"),
    "the folder itself": ("path,label", [".,x"], "lies outside"),
    "twice": ("path,label", ["a.txt,x", "a.txt,y"], "again, after"),
    "odd part": ("path,label,part", ["a.txt,x,later"], "none of train, val and test"),
    "nul": ("path,label", ["a\0.txt,x"], "NUL byte"),
    "longest name": ("path,label", ["a" * 5000 + ",x"], "no path|there is no"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(folder, fault):
    header, rows, message = FAULTS[fault]
    with pytest.raises(BadInput, match=message) as error:
        read(folder, header, *rows)
    assert str(folder / "table.csv") in str(error.value)
    assert "\n" not in str(error.value)


def test_links_do_not_lead_out(tmp_path):
    (tmp_path / "secret.txt").write_text("x")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(BadInput, match="lies outside"):
        read(inside, "path,label", "link.txt,x")


def test_bad_rows_are_skipped_and_counted(folder):
    found, bad = read(folder, "path,label", "a.txt,x", "c.txt,y", "b.txt,", "b.txt,z", skip=True)
    assert found.columns["label"] == ["x", "z"]
    assert [skipped.reason for skipped in bad.skipped] == [
        f"there is no c.txt in {folder}",
        "its label is empty",
    ]


def test_a_path_may_come_twice_where_that_is_meant(folder):
    found, _ = read(folder, "path,label", "a.txt,x", "a.txt,y", repeats=True)
    assert found.columns["label"] == ["x", "y"]
