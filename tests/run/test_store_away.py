"""A run whose store does not answer begins, is stopped, goes on and ends; later the store has all of it."""

import signal
from collections import Counter

from elman.cli import main

AWAY = "--tracking.tracking_uri=http://127.0.0.1:1"


def test_all_arrives_once_whatever_the_run_has_gone_through(folder, fit, client):
    plain = fit()
    assert plain.wait() == 0
    expected = Counter((key, step) for key, step, _ in folder.points(folder.run()))

    first = fit(AWAY)
    first.until("; run ")
    (run_id,) = [p.parent.name for p in folder.path.glob("checkpoints/*/spool")]
    assert "no tracking server answers at 'http://127.0.0.1:1'" in first.output
    first.signal(signal.SIGTERM)
    assert first.wait() == 143
    assert "`elman sync` sends them" in first.output
    again = fit(AWAY, "--resume", run_id[:6])
    assert again.wait() == 0, again.output
    assert "Traceback" not in first.output + again.output

    assert main(["sync"]) == 1  # its own store is still away
    assert main(["sync", run_id[:6], f"--tracking.tracking_uri=sqlite:///{folder.path}/mlflow.db"]) == 0
    (run,) = [r for r in client.search_runs(["1"]) if r.data.tags["elman.origin"] == run_id]
    assert (run.info.status, run.data.tags["elman.attempt"]) == ("FINISHED", "2")
    assert run.data.tags["elman.recipe"].endswith("/tiny")
    found = Counter((key, step) for key, step, _ in folder.points(run))
    assert found == expected
    names = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"recipe.yaml", "recipe_minimal.yaml"} <= names
    (model,) = client.search_logged_models(["1"], f"source_run_id = '{run.info.run_id}'")
    assert model.status.value == "READY"
    assert not (folder.path / "checkpoints" / run_id / "spool").exists()
    assert main(["sync"]) == 0
