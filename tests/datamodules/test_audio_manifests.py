"""Recordings that a table names: which columns, where files lie, what rows may lack."""

import os

import pytest
from sound_toys import record, two_classes

from datamodules.audio import Audio
from datamodules.collecting.partition import Partition
from datamodules.sounds.frames import Frames
from elman.errors import BadInput


def ready(path, **options):
    data = Audio(path=str(path), **options)
    data.setup("fit")
    return data


def refused(path, **options):
    with pytest.raises(BadInput) as error:
        ready(path, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def manifest(root, text):
    two_classes(root)
    (root / "all.csv").write_text(text, encoding="utf-8")
    return root / "all.csv"


def rows(count=6):
    lines = [f"{c}/{n}.wav,{c.upper()},{'ab'[n % 2]}" for c in ("high", "low") for n in range(count)]
    return "path,label,who\n" + "\n".join(lines) + "\n"


def test_manifest(tmp_path):
    data = ready(manifest(tmp_path, rows()), split=Partition(by="who", shares=(0.5, 0.5, 0)))
    assert data.classes == ["HIGH", "LOW"]
    assert data.found.fields["who"][:2] == ["a", "b"]
    assert len(data.found.names) == 12


def common_voice(root, tab="\t"):
    """A table of tabs beside the folder of its clips, with cells that are empty."""
    two_classes(root / "clips")
    heads = ("client_id", "path", "sentence", "age", "gender")
    lines = [tab.join(heads)]
    for n in range(12):
        for c in ("high", "low"):
            lines.append(tab.join([f"client {n % 4}", f"{c}/{n}.wav", f"This is number {n} {c}.", "", c]))
    (root / "validated.tsv").write_text("\n".join(lines) + "\n")
    return root / "validated.tsv"


def test_manifest_of_tabs_with_a_folder_of_clips(tmp_path):
    table = common_voice(tmp_path)
    said = refused(table, label_column="gender")
    assert (
        "validated.tsv:2: names high/0.wav, and there is no such file; there is one in clips, so set " in said
    )
    assert said.endswith("set data.folder=clips")
    data = ready(table, label_column="gender", folder="clips", split=Partition(by="client_id"))
    assert data.found.names[0] == "clips/high/0.wav"
    clients = [{data.found.fields["client_id"][i] for i in part} for part in data.parts]
    assert sum(map(len, clients)) == 4
    assert "is no manifest, so data.folder=clips has no meaning" in refused(
        tmp_path / "clips", folder="clips"
    )
    outside = refused(table, label_column="gender", folder="../..")
    assert "names high/0.wav, which lies outside" in outside


def test_manifests_as_they_come(tmp_path):
    """Quotes that are text in a table of tabs, quoted cells, and what Excel writes."""
    table = common_voice(tmp_path)
    plain = ready(table, label_column="gender", folder="clips").found.fields["sentence"]
    text = table.read_text()
    table.write_text(text.replace("This is number 0 high.", '"Oh, 0').replace("This is number 1 low.", 'no"'))
    data = ready(table, label_column="gender", folder="clips")
    assert len(data.found.names) == 24
    assert data.found.fields["sentence"][:4] == ['"Oh, 0', plain[1], plain[2], 'no"']
    table.write_text("\n".join("\t".join(f'"{c}"' for c in line.split("\t")) for line in text.splitlines()))
    assert ready(table, label_column="gender", folder="clips").found.fields["sentence"] == plain
    other = tmp_path / "validated.csv"
    other.write_text("sep=;\n" + text.replace("\t", ";"))
    assert ready(other, label_column="gender", folder="clips").found.fields["sentence"] == plain
    other.write_text(text.replace("\t", ";"))
    assert ready(other, label_column="gender", folder="clips").found.fields["sentence"] == plain


def test_sentences_are_no_classes(tmp_path):
    said = refused(common_voice(tmp_path), label_column="sentence", folder="clips")
    assert (
        "24 of 24 recordings have a label of their own, such as 'This is number 0 high.'; sentences " in said
    )
    assert said.endswith("are no classes: set data.label_column to a column of classes (client_id, gender)")
    assert len(ready(tmp_path / "validated.tsv", label_column="gender", folder="clips").classes) == 2


def test_most_rows_without_a_label(tmp_path):
    table = common_voice(tmp_path)
    lines = table.read_text().splitlines()
    lines[1:18] = [line.rpartition("\t")[0] + "\t" for line in lines[1:18]]
    table.write_text("\n".join(lines) + "\n")
    how = {"label_column": "gender", "folder": "clips"}
    assert "validated.tsv:2: has no label; give one, or take the row out; or leave such out" in refused(
        table, **how
    )
    assert refused(table, skip_bad=True, **how).endswith("(17: has no label); set it to 0.71")
    data = ready(table, skip_bad=0.71, **how)
    assert len(data.found.names) == 7
    assert any(line.startswith("skipped 17: has no label") for line in data.summary())


def test_manifest_by_number_with_parts(tmp_path):
    parts = ["train", "train", "val", "test"]
    text = "\n".join(["x,y,z", *(f"{c}/{n}.wav,{parts[n]},{c}" for c in ("high", "low") for n in range(4))])
    data = ready(manifest(tmp_path, text), path_column=0, part_column=1, label_column="z")
    assert [len(part) for part in data.parts] == [4, 2, 2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("path,label\nhigh/0.wav,a\nnone.wav,b\n", "all.csv:3: names none.wav, and there is no such file"),
        ("path,label\nhigh/0.wav,a\n../x.wav,b\n", "all.csv:3: names ../x.wav, which lies outside"),
        ("path,label\nhigh/0.wav,a\n/etc/passwd,b\n", "all.csv:3: names /etc/passwd, which lies outside"),
        ("path,label\nhigh/0.wav,a\nhigh/0.wav,b\n", "all.csv:3: names high/0.wav a second time"),
        ("path,label\nhigh/0.wav,a\nhigh/1.wav,\n", "all.csv:3: has no label"),
        ("path,label\nhigh/0.wav,a\nall.csv,b\n", "all.csv:3: names all.csv, which is no .wav"),
        ("path,label\nhigh/0.wav,a\nhigh/1.wav\n", "all.csv:3: 1 column where the first row has 2"),
        ('path,label\nhigh/0.wav,a\n"high/1.wav,b\n', "all.csv:3: a quote opens here and is never closed"),
        (
            "file,label\nhigh/0.wav,a\n",
            "has no column 'path', which data.path_column names; there are file, label",
        ),
        ("path,class\nhigh/0.wav,a\n", "has no column 'label', which data.label_column names"),
        ("path,label\n", "has no rows under its header"),
        ("", "has no rows under its header"),
        ("path,label\nhigh/\0.wav,a\n", "NUL byte"),
    ],
)
def test_manifests_that_are_wrong(tmp_path, text, said):
    assert said in refused(manifest(tmp_path, text))


def test_a_manifest_with_a_part_nobody_knows(tmp_path):
    text = "path,label,part\nhigh/0.wav,a,dev\n"
    assert "all.csv:2: its part must be train, val or test, got 'dev'" in refused(
        manifest(tmp_path, text), part_column="part"
    )


def test_a_link_that_leads_out(tmp_path):
    outside = record(tmp_path / "outside.wav")
    inside = tmp_path / "data"
    file = manifest(inside, "path,label\nhigh/0.wav,a\nlink.wav,b\n")
    os.symlink(outside, inside / "link.wav")
    assert "all.csv:3: names link.wav, which lies outside" in refused(file)
    os.symlink(outside, inside / "high" / "link.wav")
    assert "high/link.wav" not in ready(inside).found.names


def test_no_row_that_can_be_used(tmp_path):
    said = refused(
        manifest(tmp_path / "m", "path,label\nhigh/0.wav,a\n"), skip_bad=True, frames=Frames(shortest_s=9)
    )
    assert "none of 1 recordings can be used; the first, " in said
    assert "high/0.wav: lasts 0.05 s and must last 9 s (data.frames.shortest_s, or one window)" in said
    said = refused(manifest(tmp_path / "n", "path,label\nhigh/0.wav,\n"), skip_bad=True)
    assert "none of 1 recordings can be used; the first, " in said
    assert said.endswith("all.csv:2: has no label")
