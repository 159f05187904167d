"""Commands beside PostgreSQL and beside the artifact store, in both forms of the server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from settings import HERE, SECRETS, databases, fail, settings

PROGRAMS = ("psql", "pg_dump", "pg_restore")
PSQL = ("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")


@dataclass(frozen=True)
class Parts:
    """Where the parts of a server run.

    Args:
        compose: the command that reaches the containers of compose.yaml; empty: no containers.
        databases: their names: runs, users, studies.
    """

    compose: tuple[str, ...]
    databases: list[str]

    def postgres(self, *words: str, read: IO[bytes] | None = None, write: IO[bytes] | None = None) -> str:
        """A client program of PostgreSQL; libpq's variables name the server, here and in the container."""
        inside = (*self.compose, "exec", "-T", "postgres") if self.compose else ()
        return _run([*inside, *words], read, write)

    def ask(self, database: str, query: str) -> str:
        return self.postgres(*PSQL, f"--dbname={database}", f"--command={query}").strip()

    def artifacts(self, what: str, *, read: IO[bytes] | None = None, write: IO[bytes] | None = None) -> str:
        """`artifacts.py WHAT`, in a container of its own, so that the server's may be stopped."""
        run = (*self.compose, "run", "--rm", "-T", "--no-deps", "--entrypoint", "python", "mlflow")
        inside = (*run, "artifacts.py") if self.compose else (sys.executable, str(HERE / "artifacts.py"))
        return _run([*inside, what], read, write).strip()


def parser(what: str) -> ArgumentParser:
    made = ArgumentParser(description=what)
    made.add_argument("folder", type=Path)
    made.add_argument(
        "--compose", action="store_true", help="the server runs in the containers of compose.yaml"
    )
    made.add_argument("--env-file", type=Path, help="lines of NAME=value; default: .env beside this file")
    return made


def find(asked: Namespace) -> Parts:
    given = settings(SECRETS, asked.env_file)
    missing = [name for name in (["docker"] if asked.compose else PROGRAMS) if shutil.which(name) is None]
    if missing:
        fail(f"{', '.join(missing)} not found on PATH; install it")
    os.umask(0o077)  # dumps hold the users' password hashes
    files = ["--file", str(HERE / "compose.yaml")]
    files += ["--env-file", str(asked.env_file)] if asked.env_file else []
    return Parts(("docker", "compose", *files) if asked.compose else (), databases(given))


def _run(command: list[str], read: IO[bytes] | None, write: IO[bytes] | None) -> str:
    """Its output, where it is not written to a file; a command that fails ends us with its last lines."""
    ended = subprocess.run(
        command,
        stdin=read or subprocess.DEVNULL,
        stdout=write or subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if ended.returncode:
        lines = [line for line in ended.stderr.decode(errors="replace").splitlines() if line.strip()]
        fail(f"{' '.join(command[:8])} failed: {'; '.join(lines[-3:])}")
    return "" if ended.stdout is None else ended.stdout.decode()
