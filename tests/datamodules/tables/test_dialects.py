"""Whatever way a table is written, what is read is what was written."""

import random
from itertools import product

import numpy as np
import pytest
from office_toys import office_table, options_named, ready, targets

from datamodules.labelled_text import LabelledText
from datamodules.table import Table
from datamodules.tables.csv_rows import csv_rows
from elman.errors import BadInput

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1", "utf-16-le")
GROUPS = {None: "", ",": ",", ".": ".", "'": "'", "space": "\u202f"}
WORDS = ["Öl", "a b", "x;y", "5,5", 'say "so"', "tab\there", "", "a|b", "naïve"]


def number(draw, value, decimal, thousands, percent):
    """`value` as a spreadsheet shows it."""
    whole, _, part = f"{abs(value):,.4f}".partition(".")
    shown = whole.replace(",", GROUPS[thousands]) + (decimal + part.rstrip("0") if part.strip("0") else "")
    return ("-" if value < 0 else "") + shown + (draw.choice(["%", " %"]) if percent else "")


def quoted(draw, cell, separator, always):
    if always or any(sign in cell for sign in (separator, '"', "\n")) or draw.random() < 0.1:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def dialect(draw):
    decimal, thousands = draw.choice([pair for pair in product(".,", GROUPS) if pair[0] != pair[1]])
    return {
        "separator": draw.choice(",;\t|"),
        "decimal": decimal,
        "thousands": thousands,
        "percent": draw.random() < 0.3,
        "encoding": draw.choice(ENCODINGS),
        "header": draw.random() < 0.8,
    }


@pytest.mark.parametrize("seed", range(150))
def test_what_is_written_is_what_is_read(tmp_path, seed):
    draw = random.Random(seed)
    form = dialect(draw)
    if form["thousands"] == "space" and form["encoding"] in ("cp1252", "latin-1"):
        form["thousands"] = None  # they have no narrow blank
    end, excel = draw.choice(["\n", "\r\n"]), draw.random() < 0.3
    always, separator = draw.random() < 0.2, form["separator"]
    values = np.round(np.array([draw.uniform(-1, 1) * 10 ** draw.randint(0, 6) for _ in range(40)]), 2)
    words = [draw.choice(WORDS) for _ in values]
    shown = [number(draw, v, *(form[name] for name in ("decimal", "thousands", "percent"))) for v in values]
    rows = [["number", "wörd", "v"]] if form["header"] else []
    rows += [[str(n), word, cell] for n, (word, cell) in enumerate(zip(words, shown, strict=True))]
    lines = [separator.join(quoted(draw, cell, separator, always) for cell in row) for row in rows]
    text = end.join([*([f"sep={separator}"] if excel else []), *lines, *[""] * draw.randrange(3)])
    path = office_table(tmp_path / "t.csv", text, form["encoding"])
    given = {**form, "separator": draw.choice([separator, None])}
    names = ("v", "wörd", "number") if form["header"] else (2, 1, 0)
    data = Table(path=path, target=names[0], categories=[names[1]], time=names[2], **given)
    data.find()
    expected = values / 100 if form["percent"] else values
    np.testing.assert_array_equal(targets(data), expected.astype(np.float32))
    codes = data.read.codes[0].values
    of = {number: word for word, number in codes.items()}
    assert [of.get(code, "") for code in data.read.series[0].codes[:, 0]] == words


# The line that Excel puts first


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;"])
@pytest.mark.parametrize("separator", [";", None])
def test_the_line_of_excel_is_no_header(tmp_path, mark, first, separator):
    rows = "".join(f"{i};{i * i}\n" for i in range(12))
    path = office_table(tmp_path / "s.csv", f"{mark}{first}\nt;v\n{rows}")
    data = ready(path, separator=separator)
    assert targets(data) == [i * i for i in range(12)]
    assert data.read.columns == ["t", "v"]
    assert "written with separator ';' (by its line sep=)" in data.summary()
    with pytest.raises(BadInput, match=r"s\.csv:1: says .*, but data\.separator is ','; leave") as error:
        ready(path, separator=",")
    assert options_named(str(error.value)) == {}
    office_table(tmp_path / "s.csv", f"{mark}{first}\nt;v\n{rows}12;x\n")
    with pytest.raises(BadInput, match=r"s\.csv:15, column 'v': 'x' is no number"):
        ready(path, separator=separator)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [";", None])
@pytest.mark.parametrize("wide", [False, True])  # the second is read by `csv`, the first by Arrow
def test_the_line_of_excel_is_no_header_of_texts(tmp_path, mark, delimiter, wide):
    rows = "".join(f"{'word ' * (1 + i % 3)}{i};{'no' if i % 2 else 'yes'}\n" for i in range(40))
    rows += '"two\nlines";yes\n' if wide else ""
    path = office_table(tmp_path / "s.csv", f"{mark}sep=;\r\nsentence;kind\r\n{rows}")
    data = LabelledText(path=path, delimiter=delimiter)
    data.setup("fit")
    assert data.classes == ["no", "yes"]
    assert len(data.found.names) == 40 + wide
    assert data.found.names[0] == "s.csv:3"
    assert any("separator ';' (by its line sep=)" in line for line in data.summary())
    with pytest.raises(BadInput, match=r"s\.csv:1: says 'sep=;', but data\.delimiter is ','"):
        LabelledText(path=path, delimiter=",").setup("fit")


# What stands between values


@pytest.mark.parametrize(
    ("text", "separator", "rows"),
    [
        ("a;b\n1,5;2,5\n", ";", [["a", "b"], ["1,5", "2,5"]]),
        ("a\tb c\n1\t2\n", "\t", [["a", "b c"], ["1", "2"]]),
        ("when,b|c\n1,2\n", ",", [["when", "b|c"], ["1", "2"]]),
        ('a,b\n"1;2",3\n"4;5",6\n', ",", [["a", "b"], ["1;2", "3"], ["4;5", "6"]]),
        ("a|b\n1|2\n", "|", [["a", "b"], ["1", "2"]]),
        ("a\n1\n", ",", [["a"], ["1"]]),
    ],
)
def test_the_separator_is_found(tmp_path, text, separator, rows):
    path = tmp_path / "s.csv"
    office_table(path, text)
    assert [row for _, row in csv_rows(path, separator=None)] == rows
    assert [row for _, row in csv_rows(path, separator=separator)] == rows


def test_a_separator_that_was_found_is_said(tmp_path):
    path = office_table(tmp_path / "s.csv", "t;v\n" + "".join(f"{i};{i * i}\n" for i in range(12)))
    assert "written with separator ';' (found)" in ready(path).summary()
    office_table(tmp_path / "u.csv", "t,v\n" + "".join(f"{i},{i * i}\n" for i in range(12)))
    both = ready(tmp_path)
    assert "written with separator ';' (found) in 1 files; separator ',' (found) in 1 files" in both.summary()


# Encodings: the refusal names the option, and the option helps

TEXT = "t,größe,v\n" + "".join(f"{i},{'süß' if i % 2 else 'groß'},{i * i}\n" for i in range(12))


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-16", "is UTF-16"),
        ("utf-16-le", "is UTF-16"),
        ("utf-16-be", "is UTF-16"),
        ("cp1252", "not UTF-8"),
    ],
)
def test_the_refusal_of_an_encoding_names_the_option(tmp_path, encoding, said):
    path = office_table(tmp_path / "s.csv", TEXT, encoding)
    with pytest.raises(BadInput, match=said) as error:
        ready(path, categories=["größe"])
    message = str(error.value)
    assert len(message) < 240
    named = options_named(message) or {"encoding": "cp1252"}
    assert f"data.encoding{'' if encoding == 'cp1252' else '=' + named['encoding']}" in message
    data = ready(path, categories=["größe"], **named)
    assert sorted(data.read.codes[0].values) == ["groß", "süß"]
    texts = tmp_path / "texts.csv"
    office_table(
        texts, "text,label\n" + "".join(f"schön {i},{'ß' if i % 2 else 'a'}\n" for i in range(20)), encoding
    )
    with pytest.raises(BadInput, match=r"data\.encoding"):
        LabelledText(path=str(texts)).setup("fit")
    labelled = LabelledText(path=str(texts), **named)
    labelled.setup("fit")
    assert labelled.classes == ["a", "ß"]


def test_an_encoding_that_is_not_the_files_is_refused(tmp_path):
    path = office_table(tmp_path / "s.csv", TEXT)
    with pytest.raises(BadInput, match="is UTF-8, not cp1252, by its first bytes; leave "):
        ready(path, encoding="cp1252")
    with pytest.raises(BadInput, match="is not utf-16"):
        ready(path, encoding="utf-16")
    wide = office_table(tmp_path / "w.csv", TEXT, "utf-16")
    with pytest.raises(BadInput, match=r"is UTF-16, not cp1252; set data\.encoding=utf-16"):
        ready(wide, encoding="cp1252")
    office_table(tmp_path / "w.csv", TEXT)
    (tmp_path / "w.csv").write_bytes(TEXT.encode("utf-16")[:-1])
    with pytest.raises(BadInput, match=r"w\.csv:13: it ends in the middle of a character, so it was cut"):
        ready(wide, encoding="utf-16")
    (tmp_path / "c.csv").write_bytes(b"t,v\n1,\xd6\n2,\x81\n")
    with pytest.raises(BadInput, match=r"c\.csv:3: the byte 0x81 is none of cp1252; set data\.encoding"):
        ready(tmp_path / "c.csv", encoding="cp1252")
    with pytest.raises(ValueError, match="encoding must be one that Python knows"):
        Table(path=path, target="v", encoding="rot13")


@pytest.mark.parametrize("cut", [-1, -2])
def test_a_character_cut_in_the_middle_is_no_other_encoding(tmp_path, cut):
    path = tmp_path / "s.csv"
    path.write_bytes("t,k,v\n1,süß,2\n2,€".encode()[:cut])
    with pytest.raises(
        BadInput, match=r"s\.csv:3: a character is cut in the middle; .*cut short: fetch it anew"
    ):
        ready(path)
    path.write_bytes("text,label\nnice,a\nbad €".encode()[:cut])
    with pytest.raises(BadInput, match=r"s\.csv:3: (a character is cut in the middle|ragged row)") as error:
        LabelledText(path=str(path)).setup("fit")
    assert "iconv" not in str(error.value)


# A pipe is read as the file is


@pytest.mark.parametrize("first", ["", "sep=;\n"])
@pytest.mark.parametrize("header", ["n;v\n", "v;n\n"])
def test_a_pipe_is_written_as_the_file_is(tmp_path, first, header):
    values = [1234.5 + 10 * (i % 4) for i in range(12)]
    rows = [f"{i};{value:,.1f}\n".translate(str.maketrans(",.", ".,")) for i, value in enumerate(values)]
    path = office_table(tmp_path / "s.csv", f"{first}n;v\n{''.join(rows)}")
    data = ready(path, decimal=",", thousands=".")
    if header != "n;v\n":
        rows = [";".join(reversed(row.strip().split(";"))) + "\n" for row in rows]
    (chunk,) = data.reader(input_size=2, token_ids=False).chunks([f"{first}{header}{''.join(rows)}".encode()])
    learned = data.learned
    back = chunk.x.double().numpy() * np.array(learned.input_scale) + np.array(learned.input_shift)
    np.testing.assert_allclose(back, np.column_stack([range(12), values]), rtol=1e-5, atol=1e-5)
