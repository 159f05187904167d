"""Ctrl-C, SIGTERM, crashes: the run stops in order, says so in MLflow, and goes on when asked to."""

import os
import signal
import time

import pytest
from launching import differences, wait_until

from elman.cli import main
from elman.run.stop import Stopped, ending, stoppable, unmasked, watching_the_launcher

LONG = "--trainer.max_time_steps=3000000"
BREAKING = ["--trainer.max_time_steps=3000", "--data=toy_data.Breaking", "--data.how"]


@pytest.fixture
def refused(recipe, capsys):
    """Ask for a fit that must be refused; its one line."""

    def run(*words):
        capsys.readouterr()
        assert main(["fit", recipe, *words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert err.startswith("elman: error: ")
        return err

    return run


@pytest.fixture
def stopped(fit, folder):
    """A run, stopped while it trained."""
    process = fit()
    wait_until(folder.checkpoints)
    process.signal(signal.SIGTERM)
    assert process.wait() == 143
    return folder.run()


def test_signals_stop_after_the_batch_and_the_run_goes_on(fit, folder, refused):
    whole = fit()
    assert whole.wait() == 0, whole.output
    reference = folder.run()

    before = set(folder.checkpoints())
    first = fit()
    first.until("; run ")
    wait_until(lambda: set(folder.checkpoints()) - before)  # training has begun
    first.signal(signal.SIGINT)
    first.signal(signal.SIGINT)  # an echo of the first
    assert first.wait() == 130, first.output
    (run,) = [r for r in folder.runs() if r.info.run_id != reference.info.run_id]
    assert run.info.status == "KILLED"
    assert "SIGINT: stopping after this batch" in first.output
    reached = folder.reached(run)
    advice = f"go on with: elman fit tiny.yaml --resume {run.info.run_id}"
    assert first.output.splitlines()[-1] == f"stopped at {reached:,} time steps; {advice}"
    assert max(step for _, step, _ in folder.points(run)) == reached  # saved after the last batch trained

    second = fit("--resume", run.info.run_id[:12])
    wait_until(lambda: folder.reached(run) > reached)
    second.signal(signal.SIGTERM)
    assert second.wait() == 143, second.output
    assert folder.client.get_run(run.info.run_id).info.status == "KILLED"
    assert "Traceback" not in first.output + second.output

    third = fit("--resume", run.info.run_name)
    assert third.wait() == 0, third.output
    assert folder.client.get_run(run.info.run_id).info.status == "FINISHED"
    ours, theirs = folder.last(run), folder.last(reference)
    for part in ("state_dict", "optimizer_states", "elman"):
        assert not differences(ours[part], theirs[part])

    assert "has finished" in refused("--resume", run.info.run_id)
    assert "no unfinished run" in refused("--resume")


def test_a_second_signal_acts_at_once(fit, folder):
    """In a batch that takes minutes."""
    process = fit(
        LONG,
        "--data.batch_size=1",
        "--data.steps=3000",
        "--model.bptt.k1=1",
        "--model.bptt.k2=3000",
        "--callbacks=[toy_data.Begun]",
    )
    process.until("a batch begins")
    process.signal(signal.SIGINT)
    process.until("stopping after this batch")
    time.sleep(1.2)
    process.signal(signal.SIGINT)
    assert process.wait() == 130, process.output
    assert "stopped at 0 time steps" in process.output
    assert folder.run().info.status == "KILLED"
    assert "Traceback" not in process.output


def test_a_signal_before_training(fit, folder):
    process = fit("--data=toy_data.Slow")
    process.until("; run ")
    process.signal(signal.SIGTERM)
    assert process.wait() == 143, process.output
    run = folder.run()
    assert (run.info.status, run.data.tags["elman.why"]) == ("KILLED", "stopped by SIGTERM")
    assert "Traceback" not in process.output


def test_a_crash_fails_the_run_and_keeps_its_metrics(fit, folder):
    crashed = fit(*BREAKING, "once")
    assert crashed.wait() == 1, crashed.output
    assert crashed.output.splitlines()[-1] == "ZeroDivisionError: batch 5"
    run = folder.run()
    assert (run.info.status, run.data.tags["elman.why"]) == ("FAILED", "ZeroDivisionError: batch 5")
    assert max(step for key, step, _ in folder.points(run) if key == "train/nats_per_step") == 5 * 240

    resumed = fit(*BREAKING, "once", "--resume")
    assert resumed.wait() == 0, resumed.output
    run = folder.run()
    assert run.info.status == "FINISHED"
    assert "elman.why" not in run.data.tags
    (log,) = folder.path.glob(f"mlruns/**/{run.info.run_id}/artifacts/logs/rank-0.txt")
    starts = log.read_text().split("--- ")[1:]
    assert [start.count("; run ") for start in starts] == [1, 1]
    assert ["ZeroDivisionError: batch 5\n" in start for start in starts] == [True, False]
    assert "Traceback" in starts[0]


def test_bad_input_in_training_is_one_line(fit, folder):
    process = fit(*BREAKING, "refuse")
    assert process.wait() == 2
    assert process.output.splitlines()[-1] == "elman: error: batch 5 is not to be had; take another one"
    assert "Traceback" not in process.output
    run = folder.run()
    assert run.info.status == "FAILED"
    assert run.data.tags["elman.why"] == "batch 5 is not to be had; take another one"


def test_what_cannot_be_resumed(fit, folder, stopped, refused):
    name = stopped.info.run_name
    line = refused("--resume", "--model.clip=0.5")
    assert f"{stopped.info.run_id} ({name}, {stopped.info.status})" in line  # what could be meant
    assert "with these values is in experiment" in refused("--resume", "--seed_everything=2")
    assert "started with other values" in refused("--resume", name, "--model.clip=2")
    assert "no run has the id or name 'nobody'" in refused("--resume", "nobody")

    living = fit(LONG)
    living.until("; run ")
    (run,) = [r for r in folder.runs() if r.info.run_id != stopped.info.run_id]
    line = refused("--resume", LONG)
    assert "is still being written by" in line
    assert f":{living.process.pid}:" in line
    living.signal(signal.SIGKILL)
    living.wait()

    os.rename(f"checkpoints/{run.info.run_id}", "checkpoints/elsewhere")
    assert "is not there; put it back" in refused("--resume", LONG)
    for path in folder.checkpoints(stopped):
        path.write_bytes(b"")
    assert "holds no checkpoint to go on from" in refused("--resume", name)


def test_the_newest_of_several_unfinished_runs_goes_on(fit, folder, stopped):
    other = fit()
    other.until("; run ")
    other.signal(signal.SIGKILL)
    other.wait()
    assert fit("--resume").wait() == 0
    newest, older = sorted(folder.runs(), key=lambda run: -run.info.start_time)
    assert (newest.info.status, older.info.status) == ("FINISHED", "KILLED")


def test_a_stop_that_is_raised_where_python_drops_it():
    class Dropped:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0)

    def run():
        with stoppable():
            Dropped()
            wait_until(lambda: False, seconds=20)

    with pytest.raises(Stopped, match="SIGTERM"):
        run()


def test_an_error_in_tidying_up_does_not_hide_the_stop():
    def tidied(first):
        with unmasked():
            try:
                raise first
            finally:
                raise RuntimeError("nothing to tidy")

    with pytest.raises(Stopped):
        tidied(Stopped(signal.SIGTERM))
    with pytest.raises(RuntimeError, match="nothing to tidy"):
        tidied(ValueError("not a stop"))


def test_a_signal_that_follows_the_one_obeyed_does_not_disturb_the_end():
    """Processes that stop together receive theirs one after another."""
    with stoppable():
        ending()
        os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Stopped), stoppable():
        os.kill(os.getpid(), signal.SIGUSR1)


def test_a_process_whose_launcher_was_killed_stops(tmp_path):
    """As torchrun's own by kill -9: nobody else would ever stop it."""
    told = tmp_path / "told"
    launcher = os.fork()
    if not launcher:
        if os.fork():
            time.sleep(0.2)
            os._exit(0)  # no handler of ours runs
        try:
            with stoppable(), watching_the_launcher():
                time.sleep(30.0)
        except Stopped as stopped:
            told.write_text(str(stopped))
        os._exit(0)
    os.waitpid(launcher, 0)
    wait_until(told.is_file)
    wait_until(told.read_text)
    assert told.read_text() == "stopped by SIGTERM"
