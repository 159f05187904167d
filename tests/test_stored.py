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


def test_keys_that_moved_into_a_block() -> None:
    audio = {"check": "bodies", "frames": {"hop_ms": 5.0}, "scored_share": 0.3, "path": "a"}
    images = {"path": "a", "height": 4, "colours": "rgb", "reading": "rows"}
    new_audio = {"frames": {"check": "bodies", "hop_ms": 5.0, "scored_share": 0.3}, "path": "a"}
    new_images = {"path": "a", "size": {"height": 4, "colours": "rgb"}, "reading": "rows"}
    for name, old, new in (("audio.Audio", audio, new_audio), ("images.Images", images, new_images)):
        recipe = {"data": {"class_path": f"datamodules.{name}", "init_args": old}}
        assert translated(recipe)["data"]["init_args"] == new
    assert new_key("Video", "width") == "size.width"


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


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of an earlier version: a store, checkpoints, a study, and the text that was read."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    for file in (*tmp_path.rglob("MLmodel"), *tmp_path.rglob("*.yaml"), *tmp_path.rglob("journal.log")):
        file.write_text(file.read_text().replace(THEN, str(tmp_path)))
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store, store:
        for table, column in PATHS:
            store.execute(f"update {table} set {column} = replace({column}, ?, ?)", (THEN, str(tmp_path)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def metrics(out: str) -> dict[str, float]:
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


@pytest.mark.parametrize("name", VALIDATED)
def test_a_run_of_before_is_validated(name: str, before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text, captions with an encoder of their context, and features of sound: the metrics it printed then."""
    assert main(["validate", name]) == 0
    found = metrics(capsys.readouterr().out)
    for metric, value in VALIDATED[name].items():
        assert found[metric] == pytest.approx(value, abs=2e-6), metric  # printed to six digits


def test_a_run_of_before_writes_what_it_wrote(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sample", "text", "--count=40", "--seed=2"]) == 0
    assert capsys.readouterr().out.strip() == SAMPLE


def test_a_run_of_before_goes_on(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name, with the recipe in today's words; its own one is refused by the new name of its key."""
    assert main(["fit", "stopped.yaml", "--resume=stopped"]) == 2
    assert "batch_size" in capsys.readouterr().err
    recipe = (before / "stopped.yaml").read_text().replace("val_lanes", "val_batch_size")
    recipe = recipe.replace("lanes", "batch_size")
    (before / "stopped.yaml").write_text(recipe.replace("600000", "600000"))
    client = mlflow.MlflowClient(f"sqlite:///{before}/mlflow.db")
    (run,) = client.search_runs(["1"], "tags.`mlflow.runName` = 'stopped'")
    reached = run.data.metrics["train/updates"] if "train/updates" in run.data.metrics else None
    assert main(["fit", "stopped.yaml", "--resume", "--trainer.max_minutes=0.02"]) in (0, 2), reached


def test_a_study_of_before_is_reviewed_and_goes_on(before: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["best", "stored", "--output=best.yaml"]) == 0
    assert "batch_size" in (before / "best.yaml").read_text()


def test_a_model_of_before_predicts(before: Path) -> None:
    import mlflow.pyfunc

    client = mlflow.MlflowClient(f"sqlite:///{before}/mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{before}/mlflow.db")
    models = client.search_logged_models(["1"])
    assert len(models) == 6
    for model in models:
        loaded = mlflow.pyfunc.load_model(f"models:/{model.model_id}")
        assert loaded.metadata.get_input_schema().input_names()[0] == "x"
