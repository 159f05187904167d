"""Which process has a trial, and which one leads: claimed once, taken over from the dead alone."""

import multiprocessing
import os

import pytest
from search_toys import BASE, SEARCH

from elman.search.space.definition import read_search
from elman.search.study import ownership
from elman.search.study.storage import mutex, open_storage
from elman.search.study.study import Study
from elman.tracking.process import host

DEAD = f"{host()}:999999999:1.00"
ELSEWHERE = "another-machine:1:1.00"


@pytest.fixture(params=["journal", "sqlite"])
def url(request, tmp_path):
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "search.yaml").write_text(SEARCH)
    return None if request.param == "journal" else f"sqlite:///{tmp_path}/studies.db"


def opened(url):
    search = read_search(["search.yaml", "--budget.trials=40"])
    return Study(
        search,
        open_storage(url, search.folder),
        max_time_steps=1000,
        val_every=100,
        mutex=lambda: mutex(url, search.folder),
    )


@pytest.fixture
def clock(monkeypatch):
    """This process's own clock, which the test moves."""
    now = [0.0]
    monkeypatch.setattr(ownership.time, "monotonic", lambda: now[0])
    return now


def claim(folder, url, ready, done):
    os.chdir(folder)
    study = opened(url)
    ready.wait()
    mine, leads = [], study.owners.lead()
    while (number := study.owners.claim_abandoned()) is not None:
        mine.append(number)
    done.put((mine, leads))
    ready.wait()  # who has ended is dead, and what it had is free


def test_many_processes_claim_what_was_left(url, tmp_path):
    study = opened(url)
    for _ in range(12):
        number = study.ask().number
        study.kept.note_trial(number, ownership.OWNER, DEAD)
    study.kept.note(ownership.LEADER, DEAD)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["elman.search.study.study"])
    ready, done = processes.Barrier(6), processes.Queue()
    started = [processes.Process(target=claim, args=(tmp_path, url, ready, done)) for _ in range(6)]
    for process in started:
        process.start()
    found = [done.get(timeout=120) for _ in started]
    for process in started:
        process.join(60)
    assert sorted(number for numbers, _ in found for number in numbers) == list(range(12))
    assert sum(leads for _, leads in found) == 1


def test_a_claim_compares(url):
    """Of two that have seen the same dead owner the second finds another one."""
    study, other = opened(url), opened(url)
    number = study.ask().number
    study.kept.note_trial(number, ownership.OWNER, DEAD)
    other.owners.me = f"{other.owners.me}0"
    assert study.owners._take(number, DEAD)
    assert study.owners._take(number, DEAD)  # once more, since an answer may have been lost
    assert not other.owners._take(number, DEAD)
    assert study.owners.owns(number)
    assert not other.owners.owns(number)
    study.complete(number)
    assert not other.owners._take(number, study.owners.me)


def test_a_process_elsewhere_lives_while_its_beat_changes(url, clock):
    study = opened(url)
    number = study.ask().number
    study.kept.forget(number)
    study.kept.note_trial(number, ownership.OWNER, ELSEWHERE)
    study.kept.forget(number)
    study.kept.note(ownership.LEADER, ELSEWHERE)
    owners = opened(url).owners
    for beat in range(20):  # by a clock that is hours off
        study.kept.note(ownership.BEAT + ELSEWHERE, 1000.0 + beat)
        clock[0] += 30
        assert owners.claim_abandoned() is None
        assert not owners.lead()
        assert owners.others_at_work()
        assert owners.leader_is_known() == (beat > 0)
    for _ in range(6):
        assert owners.claim_abandoned() is None
        clock[0] += 30
    assert owners.lead()
    assert owners.claim_abandoned() == number


def test_an_outage_is_no_silence(url, clock):
    study = opened(url)
    number = study.ask().number
    study.kept.note_trial(number, ownership.OWNER, ELSEWHERE)
    study.kept.note(ownership.BEAT + ELSEWHERE, 1.0)
    owners = opened(url).owners
    assert owners.claim_abandoned() is None
    clock[0] += 600  # the storage was unreachable, for the other one too
    assert owners.claim_abandoned() is None
    assert not owners.leader_is_known()


def test_a_trial_just_asked_for_is_left_alone(url, clock):
    study = opened(url)
    study.kept.ask()  # by a process that dies before it is recorded
    owners = opened(url).owners
    assert owners.claim_abandoned() is None
    assert owners.others_at_work()
    clock[0] += 31
    assert owners.claim_abandoned() == 0
