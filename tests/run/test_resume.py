"""A run that is killed and resumed ends as one that never stopped: same weights, same numbers, each once."""

import random
import signal
import time
from functools import partial

from launching import differences, wait_until

from elman.tracking.find import mark_stale

WALL_CLOCK = {
    *("train/steps_per_second", "train/update_ms", "train/waiting_share"),
    *("cost/seconds", "cost/cpu_seconds", "cost/ms_per_step", "cost/peak_memory_mib"),
}
EXACT = ["state_dict", "optimizer_states", "elman"]
KILLS = 5


def killed_at_once(process):
    process.signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def assert_as_if_never_stopped(folder, run, reference):
    """Same last checkpoint, same best one, same metrics at the same steps, none twice."""
    ours, theirs = folder.last(run), folder.last(reference)
    for part in EXACT:
        assert not differences(ours[part], theirs[part])
    found, wanted = folder.points(run), folder.points(reference)
    steps = [(key, step) for key, step, _ in found]
    assert len(steps) == len(set(steps))
    assert set(steps) == {(key, step) for key, step, _ in wanted}
    assert [p for p in found if p[0] not in WALL_CLOCK] == [p for p in wanted if p[0] not in WALL_CLOCK]
    best, wanted_best = (folder.best(r)["state_dict"] for r in (run, reference))
    assert not differences(best, wanted_best)


def test_killed_at_random_moments(fit, folder, uri):
    whole = fit()
    assert whole.wait() == 0, whole.output
    reference = folder.run()
    assert reference.info.status == "FINISHED"
    budget = folder.last(reference)["elman"]["time_steps"]

    draw = random.Random(1)
    for kill in range(KILLS):
        process = fit("--resume") if kill else fit()
        process.until("; run ")
        (run,) = [r for r in folder.runs() if r.info.run_id != reference.info.run_id]
        wait_until(partial(folder.has_reached, run, 0.16 * kill * budget))
        time.sleep(draw.uniform(0, 0.15))
        killed_at_once(process)
        assert folder.client.get_run(run.info.run_id).info.status == "RUNNING"  # nobody was left to change it
        if kill % 3 == 0:
            assert mark_stale(uri) == [run.info.run_id]  # as the start of any other run does
            assert folder.client.get_run(run.info.run_id).info.status == "FAILED"
    last = fit("--resume")
    assert last.wait() == 0, last.output

    (run,) = [r for r in folder.runs() if r.info.run_id != reference.info.run_id]
    assert run.info.status == "FINISHED"
    assert run.data.tags["elman.attempt"] == str(KILLS + 1)
    assert run.data.tags["elman.command"] == "elman fit tiny.yaml"
    assert_as_if_never_stopped(folder, run, reference)


def test_killed_at_the_worst_moments(fit, folder):
    """Around the saves before, in and after a validation, and after the last one of the run."""
    options = ["--trainer.max_time_steps=7000", "--trainer.val_every=2500"]
    options.append("--trainer.checkpoint_every_minutes=1e-9")
    assert fit(*options).wait() == 0
    reference = folder.run()
    validated = sorted({step for key, step, _ in folder.points(reference) if key.startswith("val/")})
    assert len(validated) == 3
    first, last = f"step-{validated[0]:014d}.ckpt", f"step-{validated[-1]:014d}.ckpt"
    before = f"step-{validated[0] - 240:014d}.ckpt"

    moments = [
        ("before", f"step-{240:014d}.ckpt"),  # nothing is saved yet
        ("after", before),  # validation is due in the next batch
        ("before", first),  # validated and logged, not saved
        ("after", first),  # saved, but not yet named the best
        ("before", last),
        ("after", last),  # trained, but not finished
    ]
    for number, moment in enumerate(moments):
        process = fit(*options, *(["--resume"] if number else []), killed=moment)
        assert process.wait() == -signal.SIGKILL, process.output
    process = fit(*options, "--resume")
    assert process.wait() == 0, process.output

    (run,) = [r for r in folder.runs() if r.info.run_id != reference.info.run_id]
    assert run.info.status == "FINISHED"
    assert_as_if_never_stopped(folder, run, reference)
    assert not list(folder.path.rglob("*.part"))
    assert folder.client.get_run(run.info.run_id).outputs.model_outputs

    a_damaged_checkpoint_is_passed_over(fit, folder, options, reference)


def a_damaged_checkpoint_is_passed_over(fit, folder, options, reference):
    """The one before it serves, and the damaged one is not in the way of later ones."""
    assert fit(*options, killed=("after", f"step-{2160:014d}.ckpt")).wait() == -signal.SIGKILL
    run, *_ = folder.runs()
    cut_short = folder.checkpoints(run)[-1].read_bytes()[:5000]
    for step in (2160, 3000, 4000):
        (folder.path / "checkpoints" / run.info.run_id / f"step-{step:014d}.ckpt").write_bytes(cut_short)
    process = fit(*options, "--resume")
    assert process.wait() == 0, process.output
    assert_as_if_never_stopped(folder, run, reference)
