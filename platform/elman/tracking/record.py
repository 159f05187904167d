"""What a run was made of: code, versions, machine, command. Plain values, no secrets."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import threading
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import elman
from elman.program import is_program
from elman.tracking.process import host
from elman.tracking.secrets import without_secrets
from elman.tracking.tags import BRANCH_TAG, COMMIT_TAG, GIT_DIRTY_TAG

OWN_COMMIT = "elman-commit"
DIFF_BYTES = 1_000_000
UNTRACKED_FILES = 1000
GIT_SECONDS = 10.0
PACKAGES = (
    "elman",
    "torch",
    "torchaudio",
    "pytorch-lightning",
    "mlflow",
    "optuna",
    "torchmetrics",
    "jsonargparse",
    "numpy",
)


@dataclass(frozen=True, kw_only=True)
class GitState:
    """The code a run started from; commit None: a repository without one.

    `diff` is what tracked files differ from the commit, whole or cut at a size and then marked;
    `untracked` names the files that are in neither (their contents are not kept).
    """

    commit: str | None
    branch: str | None
    dirty: bool
    diff: str
    untracked: tuple[str, ...]

    def tags(self) -> dict[str, str]:
        """As tags of the run; the first is the one MLflow's own page shows."""
        known = {COMMIT_TAG: self.commit, BRANCH_TAG: self.branch}
        tags = {key: value for key, value in known.items() if value}
        return {**tags, GIT_DIRTY_TAG: str(self.dirty).lower()}

    def text(self) -> str:
        """The diff as an artifact: `git apply` restores the code, untracked files aside."""
        names = "".join(f"# untracked: {name}\n" for name in self.untracked)
        return f"# commit: {self.commit}\n# branch: {self.branch}\n{names}{self.diff}"


def git_state(folder: str | Path = ".", *, diff_bytes: int = DIFF_BYTES) -> GitState | None:
    """The state of the repository around `folder`; None without a repository or without git."""
    place = Path(folder).absolute()
    place = place if place.is_dir() else place.parent
    top = _git(place, "rev-parse", "--show-toplevel")
    if not top:
        return None
    root = Path(top.rstrip("\n"))
    commit = (_git(root, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip() or None
    branch = (_git(root, "symbolic-ref", "--short", "--quiet", "HEAD") or "").strip() or None
    against = ["HEAD"] if commit else ["--cached"]
    diff = _git(root, "diff", *against, "--no-color", "--no-ext-diff", "--no-textconv", limit=diff_bytes + 1)
    diff = diff or ""
    if len(diff.encode(errors="replace")) > diff_bytes:
        diff = diff.encode(errors="replace")[:diff_bytes].decode(errors="ignore")
        diff += f"\n# cut here: the diff is longer than {diff_bytes} bytes\n"
    listed = _git(root, "ls-files", "--others", "--exclude-standard", "-z", limit=diff_bytes) or ""
    names = [name for name in listed.split("\0") if name]
    kept = names[:UNTRACKED_FILES]
    if len(names) > len(kept):
        kept.append(f"... and {len(names) - len(kept)} more")
    return GitState(
        commit=commit,
        branch=branch,
        dirty=bool(diff or names),
        diff=without_secrets(diff),
        untracked=tuple(kept),
    )


def versions() -> dict[str, str]:
    """Python and the packages that decide a run's numbers; of elman also its commit, where that is known."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    found.setdefault("elman", elman.__version__)  # run from its folder
    commit = own_commit()
    return {**found, OWN_COMMIT: commit} if commit else found


def own_commit(folder: Path | None = None) -> str | None:
    """The commit of elman itself, whatever folder a run works in; None: unknown.

    From the checkout that it is imported from, else from what pip noted when it was installed from one.

    Args:
        folder: of its package; None: where it was imported from.
    """
    place = folder or Path(elman.__file__).parent
    # An environment may lie in a repository of something else.
    if _git(place, "ls-files", "--error-unmatch", "__init__.py") is not None:
        state = git_state(place)
        if state is not None and state.commit:
            return f"{state.commit}{' with changes' if state.diff else ''}"
        return None
    try:
        noted = metadata.distribution("elman").read_text("direct_url.json")
        found = json.loads(noted or "{}").get("vcs_info", {}).get("commit_id")
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    return str(found) if found else None


def device_metadata() -> dict[str, str]:
    """The machine: host, cores this process may use, threads of torch, GPUs with their memory."""
    import torch

    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    found = {
        "host": host(),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": str(len(allowed)),
        "torch_threads": str(torch.get_num_threads()),
    }
    if torch.cuda.is_available():
        cards = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        found["gpus"] = ", ".join(f"{card.name} ({card.total_memory / 2**30:.0f} GiB)" for card in cards)
        found["cuda"] = str(torch.version.cuda)
    return found


def command_line(arguments: list[str] | None = None) -> str:
    """The command as it can be pasted into a shell, passwords of URIs hidden."""
    words = list(sys.argv if arguments is None else arguments)
    if words and is_program(words[0]):
        words[0] = "elman"
    return shlex.join(without_secrets(word) for word in words)


def _git(folder: Path, *words: str, limit: int = 100_000) -> str | None:
    """Output of a git command, at most `limit` bytes of it; None if it failed or there is no git."""
    # fsmonitor would start a program that the repository names; optional locks would disturb its user.
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.quotepath=false", "-C", str(folder), *words]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    try:
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        ) as process:
            assert process.stdout is not None
            late = threading.Timer(GIT_SECONDS, process.kill)
            late.start()
            output = process.stdout.read(limit)
            late.cancel()
            cut = len(output) == limit
            if cut:
                process.kill()
            code = process.wait(GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return output.decode(errors="replace") if code == 0 or cut else None
