"""Two runs side by side, as plain values."""

from types import SimpleNamespace

from elman.tracking.difference import Made, alike, data_of, differences, made_of


def test_only_what_differs_block_by_block():
    first = Made(
        recipe={"model.bptt.k1": "20", "model.core": "LSTM", "b": "1"},
        data={"train echo": "d1"},
        versions={"torch": "2.11"},
        results={"train/loss": 2.0, "val/loss": 1.0, "best val/loss": 0.5},
        seconds=10.0,
    )
    second = Made(
        recipe={"model.bptt.k1": "40", "model.core": "LSTM", "a": "2"},
        data={"train echo": "d1"},
        versions={"torch": "2.12"},
        results={"val/loss": 1.0, "best val/loss": 0.25},
        seconds=8.0,
    )
    found = [(d.block, d.name, d.first, d.second, d.by) for d in differences(first, second)]
    assert found == [
        ("recipe", "a", None, "2", None),
        ("recipe", "b", "1", None, None),
        ("recipe", "model.bptt.k1", "20", "40", None),
        ("versions", "torch", "2.11", "2.12", None),
        ("results", "best val/loss", 0.5, 0.25, -0.25),
        ("results", "val/loss", 1.0, 1.0, 0.0),
        ("results", "train/loss", 2.0, None, None),
        ("seconds", "start to end", 10.0, 8.0, -2.0),
    ]
    assert alike(first, second) == (["data"], ["code", "machine"])


def test_two_dirty_trees_are_the_same_only_with_the_same_changes():
    tags = {"mlflow.source.git.commit": "abc", "elman.git_dirty": "true"}
    one, same, other = (made_of(tags, diff=text)["code"] for text in ("+1", "+1", "+2"))
    assert one == same != other
    assert made_of(tags)["code"]["files changed since"] == "unknown"
    assert made_of({**tags, "elman.git_dirty": "false"}, diff="+1")["code"]["files changed since"] == "none"
    assert made_of({})["code"] == {}


def test_data_is_compared_by_its_whole_digest():
    def inputs(profile):
        dataset = SimpleNamespace(name="text", digest="d" * 36, profile=profile)
        tags = [SimpleNamespace(key="mlflow.data.context", value="train")]
        return SimpleNamespace(dataset_inputs=[SimpleNamespace(dataset=dataset, tags=tags)])

    assert data_of(inputs('{"digest": "%s"}' % ("d" * 64))) == {"train text": "d" * 64}
    assert data_of(inputs("no json")) == data_of(inputs(None)) == {"train text": "d" * 36}
    assert data_of(None) == {}
