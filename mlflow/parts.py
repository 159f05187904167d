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

from settings import HERE, SECRETS, databases, environment, fail, settings

PROGRAMS = ("psql", "pg_dump", "pg_restore")


@dataclass(frozen=True)
class Parts:
    """Where the parts of a server run: in the containers of compose.yaml, or reached from this machine."""

    containers: bool
    given: dict[str, str]
    env_file: Path | None

    @property
    def databases(self) -> list[str]:
        return databases(self.given)

    def postgres(self, *words: str) -> list[str]:
        """A client program of PostgreSQL; libpq's variables say whom it asks, here and in the container."""
        return [*self._compose("exec", "-T", "postgres"), *words] if self.containers else list(words)

    def artifacts(self, *words: str) -> list[str]:
        """`artifacts.py WORDS`, in a container of its own, so that the server's may be stopped."""
        if self.containers:
            run = self._compose("run", "--rm", "-T", "--no-deps", "--entrypoint", "python", "mlflow")
            return [*run, "artifacts.py", *words]
        return [sys.executable, str(HERE / "artifacts.py"), *words]

    def run(
        self, command: list[str], *, read: IO[bytes] | None = None, write: IO[bytes] | None = None
    ) -> str:
        """Its output, where it is not written to a file; a command that fails ends us with what it said."""
        ended = subprocess.run(
            command,
            stdin=read or subprocess.DEVNULL,
            stdout=write or subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(self.given),
            check=False,
        )
        if ended.returncode:
            self.stop(command, ended.stderr)
        return "" if ended.stdout is None else ended.stdout.decode()

    def ask(self, database: str, query: str) -> str:
        return self.run(self.postgres(*PSQL, f"--dbname={database}", f"--command={query}")).strip()

    def stop(self, command: list[str], said: bytes) -> None:
        lines = [line for line in said.decode(errors="replace").splitlines() if line.strip()]
        fail(f"{' '.join(command[:8])} failed: {'; '.join(lines[-3:])}")

    def _compose(self, *words: str) -> list[str]:
        files = ["--env-file", str(self.env_file)] if self.env_file else []
        return ["docker", "compose", "--file", str(HERE / "compose.yaml"), *files, *words]


PSQL = ("psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1")


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
    return Parts(asked.compose, given, asked.env_file)
