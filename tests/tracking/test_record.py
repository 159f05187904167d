"""What is remembered of the code, checked against a repository made here."""

import subprocess

import pytest

from elman.tracking.record import command_line, device_metadata, git_state, versions


def git(folder, *words):
    identity = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(folder):
    place = folder / "code"
    place.mkdir()
    git(place, "init", "-b", "work")
    (place / "a.py").write_text("one\n")
    git(place, "add", ".")
    git(place, "commit", "-m", "first")
    return place


def test_a_clean_repository(repository):
    state = git_state(repository / "a.py")  # a file stands for its folder
    assert (state.commit, state.branch, state.dirty) == (git(repository, "rev-parse", "HEAD"), "work", False)
    assert (state.diff, state.untracked) == ("", ())
    assert state.tags()["mlflow.source.git.commit"] == state.commit


def test_a_dirty_one(repository):
    (repository / "a.py").write_text("two\n")
    git(repository, "add", ".")
    (repository / "a.py").write_text("three\n")
    (repository / "inner").mkdir()
    (repository / "inner" / "secret key.txt").write_text("hidden")
    state = git_state(repository / "inner")
    assert state.dirty
    assert "-one" in state.diff
    assert "+three" in state.diff
    assert state.untracked == ("inner/secret key.txt",)
    assert "hidden" not in state.text()
    assert "# untracked: inner/secret key.txt" in state.text()


def test_the_diff_is_bounded(repository):
    (repository / "a.py").write_text("x" * 5000)
    state = git_state(repository, diff_bytes=1000)
    assert state.dirty
    assert len(state.diff) < 1100
    assert state.diff.endswith("# cut here: the diff is longer than 1000 bytes\n")


def test_the_diff_restores_the_code(repository, folder):
    (repository / "a.py").write_text("two\n")
    (folder / "patch").write_text(git_state(repository).text())
    git(repository, "checkout", "a.py")
    git(repository, "apply", str(folder / "patch"))
    assert (repository / "a.py").read_text() == "two\n"


def test_a_repository_without_commits(folder):
    git(folder, "init", "-b", "new")
    (folder / "a").write_text("x")
    state = git_state(folder)
    assert (state.commit, state.branch, state.dirty) == (None, "new", True)


def test_no_repository_and_no_git(folder, repository, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    assert git_state(folder) is None
    monkeypatch.setenv("PATH", "")
    assert git_state(repository) is None


def test_versions_and_device():
    assert {"python", "torch", "pytorch-lightning", "mlflow", "numpy"} <= set(versions())
    assert int(device_metadata()["cores"]) >= 1


def test_the_command_can_be_pasted_and_hides_passwords():
    words = ["/env/bin/elman", "fit", "a b.yaml", "--tracking.tracking_uri=postgresql://me:secret@host/db"]
    assert command_line(words) == (
        "elman fit 'a b.yaml' '--tracking.tracking_uri=postgresql://me:***@host/db'"
    )
    assert command_line(["/somewhere/elman/__main__.py", "ui"]) == "elman ui"
