"""What was recorded is on the disk, in order, until it has arrived, whatever dies or breaks in between."""

import os
import signal
import sqlite3

import pytest

from elman.errors import BadInput
from elman.tracking.spool import FILE, Spool


@pytest.fixture
def place(tmp_path):
    return tmp_path / "spool"


def filled(place, count):
    spool = Spool(place)
    for number in range(count):
        spool.append("tags", {"tags": {"n": number}}, {"last_step": number})
    return spool


def numbers(entries):
    return [entry.body["tags"]["n"] for entry in entries]


def test_first_in_first_out_and_gone_when_it_has_arrived(place):
    spool = filled(place, 5)
    assert numbers(spool.first(3)) == [0, 1, 2]
    assert numbers(spool.first(3)) == [0, 1, 2]  # until it has arrived
    spool.arrived(spool.first(3))
    assert (numbers(spool.first(9)), len(spool)) == ([3, 4], 2)
    spool.close()
    again = Spool(place)
    assert (numbers(again.first(9)), again.about["last_step"]) == ([3, 4], 4)
    again.append("tags", {"tags": {"n": 5}})
    assert numbers(again.first(9)) == [3, 4, 5]
    again.remove()
    assert not place.exists()


def test_numbers_rise_after_all_has_arrived(place):
    """A number that came again would be taken for one that has arrived."""
    spool = filled(place, 3)
    spool.arrived(spool.first(9))
    last = spool.about["last"]
    spool.close()
    again = Spool(place)
    again.append("tags", {"tags": {"n": 3}})
    assert again.first(9)[0].number > last


def test_what_was_appended_survives_kill_9(place):
    child = os.fork()
    if child == 0:
        filled(place, 4)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert numbers(Spool(place).first(9)) == [0, 1, 2, 3]


def test_a_flipped_bit_costs_its_entry_and_is_counted(place):
    filled(place, 3).close()
    database = sqlite3.connect(place / FILE)
    database.execute("UPDATE entries SET body = replace(body, '1', '3') WHERE number = 2")
    database.commit()
    database.close()
    spool = Spool(place)
    assert numbers(spool.first(9)) == [0, 2]
    assert spool.damaged == 1
    assert len(spool) == 2


def test_a_full_disk_holds_entries_in_memory_until_there_is_room(place):
    spool = filled(place, 1)
    (pages,) = spool._database.execute("PRAGMA page_count").fetchone()
    spool._database.execute(f"PRAGMA max_page_count = {pages}")
    for number in (1, 2):
        spool.append("tags", {"tags": {"n": number}, "much": "x" * 100_000})
    assert "full" in spool.failure
    assert numbers(spool.first(9)) == [0, 1, 2]
    spool.arrived(spool.first(2))
    assert numbers(spool.first(9)) == [2]
    spool._database.execute("PRAGMA max_page_count = 100000")
    spool.append("tags", {"tags": {"n": 3}})
    assert not spool.failure
    spool.close()
    assert numbers(Spool(place).first(9)) == [2, 3]


def test_files_go_with_their_entry(place):
    spool = Spool(place)
    with spool.files() as (folder, name):
        (folder / "a.txt").write_text("a")
        spool.append("files", {"files": name})
    with pytest.raises(FileNotFoundError), spool.files() as (folder, _):
        (folder / "b" / "b.txt").write_text("b")
    assert sorted(p.name for p in place.iterdir() if p.is_dir()) == [name]
    spool.arrived(spool.first(1))
    assert not (place / name).exists()


def test_one_process_at_a_time_has_it(place):
    spool = filled(place, 1)
    with pytest.raises(BadInput, match=r"records for the tracking store cannot be kept there .*locked"):
        Spool(place)
    spool.close()
    Spool(place).close()
