"""Recipes are read strictly: each mistake is one line that says where."""

import math

import pytest
import yaml

from elman.errors import BadInput
from elman.recipes.strict_yaml import digest, dump_yaml, find_line, load_fragment, load_yaml, read_recipe


def refusal(text):
    with pytest.raises(BadInput) as caught:
        load_yaml(text, "r.yaml")
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("3.e+2", 300.0),
        ("-.5e3", -500.0),
        ("2_000_000", 2_000_000),
        ("0x1F", 31),
        ("-7", -7),
        (".inf", math.inf),
        ("true", True),
        ("null", None),
        ("", None),
        ("no", "no"),
        ("1:30", "1:30"),
        ("007", "007"),
        ("2026-01-01", "2026-01-01"),
        ("1_a", "1_a"),
        ("'3'", "3"),
        ("!!int 3", 3),
        ("[1, 2.0, a]", [1, 2.0, "a"]),
    ],
)
def test_plain_values(text, value):
    (read,) = load_yaml(f"a: {text}", "r.yaml").values()
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a: 1\nb: 2\na: 3", ["r.yaml:3:1", "'a' is given twice", "line 1, column 1"]),
        ("m: {k: 1, j: 2, k: 3}", ["r.yaml:1:17", "'k' is given twice", "line 1, column 5"]),
        ("a: &x {k: 1}\nb: {<<: *x, <<: *x}", ["r.yaml:2:13", "'<<' is given twice"]),
        ("", ["r.yaml: ", "empty"]),
        ("# only a comment\n", ["r.yaml: ", "empty"]),
        ("null", ["r.yaml: ", "empty"]),
        ("[1, 2]", ["r.yaml: ", "a mapping of keys to values, but this is a list"]),
        ("just words", ["r.yaml: ", "but this is a str"]),
        ("a: 1\nb: [1, 2\nc: 3", ["r.yaml:3:", "not valid YAML"]),
        ("a: 1\n\tb: 2", ["r.yaml:2:", "not valid YAML"]),
        ("a: *nowhere", ["r.yaml:1:4", "undefined alias"]),
        ("a: 1\n---\nb: 2", ["r.yaml:2:", "second YAML document"]),
        ("1: a", ["r.yaml:1:1", "the key '1'"]),
        ("true: a", ["r.yaml:1:1", "keys are text"]),
        ("? [a]\n: b", ["r.yaml:1:3", "keys are text"]),
        ("a: &x [*x]", ["r.yaml:1:", "contains itself"]),
        ("a: !!int x", ["r.yaml:1:4", "'x' is no int"]),
        ("a: \x07", ["r.yaml:1", "U+0007"]),
        ("a: " + "[" * 5000 + "]" * 5000, ["r.yaml", "nested too deeply"]),
    ],
)
def test_refusals_say_where(text, parts):
    line = refusal(text)
    for part in parts:
        assert part in line


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system", "!!python/name:os.system", "!custom", "!!binary", "!!set"]
)
def test_a_tag_is_refused_not_executed(tag, tmp_path):
    witness = tmp_path / "witness"
    assert "is refused" in refusal(f"a: 1\nb: {tag} ['touch {witness}']")
    assert not witness.exists()


def test_anchors_and_merges_are_allowed():
    text = "a: &x {k: 1, j: 2}\nb: *x\nc: {<<: *x, k: 3}"
    assert load_yaml(text, "r.yaml") == {"a": {"k": 1, "j": 2}, "b": {"k": 1, "j": 2}, "c": {"k": 3, "j": 2}}


def test_aliases_cannot_stand_for_billions():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    assert "more than" in refusal("\n".join(lines))


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        (b"a: 1\nb: \xff\n", ["r.yaml:2: not UTF-8", "0xff"]),
        (b"a: 1\nb: \0\n", ["r.yaml:2: holds a NUL byte"]),
        (b"a: " + b"x" * (1 << 20), ["at most"]),
    ],
)
def test_files_that_are_no_text(tmp_path, raw, parts):
    path = tmp_path / "r.yaml"
    path.write_bytes(raw)
    with pytest.raises(BadInput) as caught:
        read_recipe(path)
    for part in parts:
        assert part in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(BadInput, match="no such recipe"):
        read_recipe(tmp_path / "none.yaml")
    with pytest.raises(BadInput, match="is a folder"):
        read_recipe(tmp_path)


def test_the_header_is_the_question(tmp_path):
    path = tmp_path / "r.yaml"
    path.write_text("# Does it?\n#\n#   elman fit r.yaml\na: 1  # not this\n# nor this\n", encoding="utf-8")
    assert read_recipe(path) == ({"a": 1}, "Does it?\n\n  elman fit r.yaml")
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_recipe(path) == ({"a": 1}, "")


@pytest.mark.parametrize("text", ["a: b", "note:", "{a,b", "!x", "*x", "%x", "@x", " ", "x: {", "a b"])
def test_what_is_text_on_the_command_line(text):
    try:
        value = load_fragment(text)
    except yaml.YAMLError:
        return  # then jsonargparse takes the text as it is
    assert value == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("{a: 1}", {"a": 1}), ("[1, x]", [1, "x"]), ("1e-3", 1e-3), ("null", None), ("{a}", {"a": None})],
)
def test_what_is_a_value_on_the_command_line(text, value):
    assert load_fragment(text) == value


def test_duplicates_on_the_command_line_are_refused():
    with pytest.raises(BadInput, match="given twice"):
        load_fragment("{a: 1, a: 2}")


@pytest.mark.parametrize(
    "value", ["1e-3", "no", "1:30", "007", "2026-01-01", "null", "", 1e-5, 1e20, -0.0, math.inf]
)
def test_dumped_values_come_back(value):
    (read,) = load_yaml(dump_yaml({"a": value}), "r.yaml").values()
    assert read == value
    assert type(read) is type(value)


def test_digest_names_values_not_spelling():
    assert digest("a: 1\nb: {c: 1e-3, d: x}") == digest("# hm\nb:\n  d: 'x'\n  c: 0.001\na: 1")
    assert digest("a: 1") != digest("a: 1.0")
    assert len(digest("a: 1")) == 16


def test_find_line():
    text = "m:\n  core:\n    class_path: X\n    init_args:\n      k: 1\n"
    assert find_line(text, ["m", "core"]) == 2
    assert find_line(text, ["m", "core", "k"]) == 5
    assert find_line(text, ["m", "core", "j"]) is None
