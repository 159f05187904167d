"""What is remembered of the code, checked against a repository made here."""

import subprocess
from types import SimpleNamespace

import pytest

import elman
from elman.tracking import record
from elman.tracking.record import command_line, device_metadata, git_state, own_commit, versions


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


def test_elman_s_own_commit_is_that_of_its_checkout(repository):
    """Not that of a repository in which an environment happens to lie."""
    assert own_commit(repository) is None  # which has no package of ours
    (repository / "__init__.py").write_text("")
    assert own_commit(repository) is None
    git(repository, "add", ".")
    git(repository, "commit", "-m", "a package")
    assert own_commit(repository) == git(repository, "rev-parse", "HEAD")
    (repository / "a.py").write_text("two\n")
    assert own_commit(repository) == f"{git(repository, 'rev-parse', 'HEAD')} with changes"


@pytest.mark.parametrize(
    ("noted", "commit"),
    [
        ('{"url": "https://h/elman.git", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}}', "0a1b"),
        ('{"url": "file:///elman", "dir_info": {}}', None),
        ("[]", None),
        ("{", None),
        (None, None),
    ],
)
def test_an_installed_elman_has_the_commit_that_pip_noted(folder, monkeypatch, noted, commit):
    monkeypatch.setattr(
        record.metadata,
        "distribution",
        lambda name: SimpleNamespace(version="1", read_text=lambda file: noted),
    )
    assert own_commit(folder) == commit
    monkeypatch.setattr(record, "own_commit", lambda: commit)
    assert versions().get("elman-commit") == commit


def test_elman_always_has_a_version(monkeypatch):
    def missing(name):
        raise record.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(record.metadata, "version", missing)
    assert versions()["elman"] == elman.__version__


def test_versions_and_device():
    assert {"python", "torch", "pytorch-lightning", "mlflow", "numpy"} <= set(versions())
    assert int(device_metadata()["cores"]) >= 1


def test_the_command_can_be_pasted_and_hides_passwords():
    words = ["/env/bin/elman", "fit", "a b.yaml", "--tracking.tracking_uri=postgresql://me:secret@host/db"]
    assert command_line(words) == (
        "elman fit 'a b.yaml' '--tracking.tracking_uri=postgresql://me:***@host/db'"
    )
    assert command_line(["/somewhere/elman/__main__.py", "ui"]) == "elman ui"
