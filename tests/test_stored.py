"""Keys of before in today's words; a store, checkpoints and a study that an earlier version wrote."""

from __future__ import annotations

from elman.stored import new_class, new_key, translated, translated_checkpoint, translated_description


def test_blocks_classes_and_what_is_nested() -> None:
    old = {
        "model": {
            "encoder": {
                "class_path": "elman.encoders.Recurrent",
                "init_args": {"core": {"class_path": "elman.cores.GRU", "init_args": {"hidden_size": 3}}},
            },
            "features": {"class_path": "elman.features.LogMel", "init_args": {"mels": 5}},
        },
        "data": {
            "class_path": "datamodules.Images",
            "init_args": {"batching": {"rows": 4, "val_rows": None}},
        },
        "trainer": {"max_passes": 2, "max_minutes": None},
    }
    new = {
        "model": {
            "context_encoder": {
                "class_path": "elman.inputs.Recurrent",
                "init_args": {"core": {"class_path": "elman.cores.GRU", "init_args": {"hidden_size": 3}}},
            },
            "features": {"class_path": "elman.inputs.LogMel", "init_args": {"mels": 5}},
        },
        "data": {
            "class_path": "datamodules.Images",
            "init_args": {"batching": {"batch_size": 4, "val_batch_size": None}},
        },
        "trainer": {"max_epochs": 2, "max_minutes": None},
    }
    assert translated(old) == new
    assert translated(new) == new


def test_a_key_is_renamed_only_where_it_belongs() -> None:
    echo = {"class_path": "datamodules.synthetic.Echo", "init_args": {"rows": 8, "lag": 3}}
    mine = {"class_path": "mine.Own", "init_args": {"rows": 8, "lanes": 2}}
    assert translated({"data": echo})["data"]["init_args"] == {"batch_size": 8, "lag": 3}
    assert translated({"data": mine})["data"] == mine
    assert new_key("Echo", "rows") == "batch_size"
    assert new_key("Own", "rows") is None
    assert new_class("elman.features.log_mel.LogMel") == "elman.inputs.LogMel"
    assert new_class("elman.featuresque.LogMel") == "elman.featuresque.LogMel"


def test_metadata_and_descriptions() -> None:
    facts = {"inputs": 2, "outputs": 3, "symbols": True, "context_inputs": None}
    sizes = {"input_size": 2, "output_size": 3, "token_ids": True, "context_size": None}
    checkpoint = {"state_dict": {}, "elman": {"facts": facts, "recipe": "model: {}"}}
    assert translated_checkpoint(checkpoint) == {
        "state_dict": {},
        "elman": {"metadata": sizes, "recipe": "model: {}"},
    }
    part = {"class_path": "elman.encoders.Dense", "init_args": {}}
    assert translated_description({**facts, "encoder": part}) == {
        **sizes,
        "context_encoder": {"class_path": "elman.inputs.Dense", "init_args": {}},
    }
