"""A server or a database that is unreachable for seconds while a run logs: no point missing, none double."""

import time

import mlflow

from elman.tracking.logger import RunLogger

OUTAGE_SECONDS = 2.0


def log_through(address, outage):
    """Points every 10 ms before, while and after the `outage`; their history afterwards."""
    logger = RunLogger(experiment="outage", tracking_uri=address, flush_seconds=0.1, system_metrics=False)
    step = 0

    def log_for(seconds):
        nonlocal step
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            logger.log_metrics({"train/loss": step / 7, "train/norm": float(step)}, step=step)
            step += 1
            time.sleep(0.01)

    log_for(0.5)
    outage(lambda: log_for(OUTAGE_SECONDS))
    log_for(0.5)
    logger.close()
    client = mlflow.MlflowClient(address)
    assert client.get_run(logger.run_id).info.status == "FINISHED"
    for key, value in (("train/loss", lambda s: s / 7), ("train/norm", float)):
        history = client.get_metric_history(logger.run_id, key)
        assert [(m.step, m.value) for m in history] == [(s, value(s)) for s in range(step)]


def test_the_server_is_killed_and_started_again(team):
    def outage(meanwhile):
        team.kill()
        meanwhile()
        team.start()

    log_through(team.address, outage)


def test_the_database_is_stopped_and_started_again(team_on_ours):
    def outage(meanwhile):
        team_on_ours.postgres.stop()
        meanwhile()
        team_on_ours.postgres.start()

    log_through(team_on_ours.address, outage)
