from argparse import Namespace

from elman.tracking.params import flat_params


def test_keys_are_dotted_clean_short_and_unique():
    flat = flat_params({"a": {"b c": 1, "é[": 2, "é(": 3}, "k" * 300 + "1": 4, "k" * 300 + "2": 5, "e": {}})
    assert flat["a.b c"] == "1"
    assert flat["e"] == "{}"
    assert sorted(flat.values()) == ["1", "2", "3", "4", "5", "{}"]
    assert max(map(len, flat)) == 250


def test_namespaces_are_nested_too():
    assert flat_params({"model": Namespace(core=Namespace(layers=2))}) == {"model.core.layers": "2"}


def test_names_that_look_like_paths_are_mended():
    assert set(flat_params({"/a//b": 1, "../c": 2})) == {"a/b", "_../c"}
