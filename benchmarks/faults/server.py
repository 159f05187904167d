"""A tracking server behind a door that can be shut, held, or made slow."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
BROKEN = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 6\r\nConnection: close\r\n\r\nbroken"
SILENT = ("shut", "killed")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Server:
    """MLflow's server on a SQLite file, reached through `address`.

    `mood` is how it answers: well; slow: 200 ms later; broken: with 500; hanging: never; shut: it refuses
    connections; killed: so too, and its processes are gone.

    Args:
        backend: a database's URL; "": a SQLite file.
    """

    def __init__(self, folder: Path, backend: str = "") -> None:
        self.folder, self.store = folder, folder / "server.db"
        self._backend = backend or f"sqlite:///{self.store}"
        self._port, self._behind = free_port(), free_port()
        self.address, self.mood = f"http://{HOST}:{self._port}", "well"
        self._process: subprocess.Popen[bytes] | None = None
        self._door: socket.socket | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def become(self, mood: str) -> None:
        """Answer in that mood; `killed` is kill -9, and what follows it starts the server again."""
        if mood == "killed":
            self.end()
        elif self.mood == "killed":
            self.start()
        self.mood = mood

    def start(self) -> None:
        log = (self.folder / "server.txt").open("ab")
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self._behind)]
        command += ["--backend-store-uri", self._backend, "--workers", "1"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        self._process = subprocess.Popen(
            command, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
        )
        end = time.monotonic() + 120
        while time.monotonic() < end:
            with suppress(OSError):
                urllib.request.urlopen(f"http://{HOST}:{self._behind}/health", timeout=2).close()
                return
            time.sleep(0.2)
        raise RuntimeError("MLflow's server does not start")

    def end(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            self._process.wait()

    def _listen(self) -> None:
        while True:
            if self.mood in SILENT:
                if self._door is not None:
                    self._door.close()
                    self._door = None
                time.sleep(0.05)
                continue
            if self._door is None:
                self._door = socket.create_server((HOST, self._port))
                self._door.settimeout(0.1)
            with suppress(TimeoutError):
                visitor, _ = self._door.accept()
                threading.Thread(target=self._serve, args=[visitor], daemon=True).start()

    def _serve(self, visitor: socket.socket) -> None:
        with suppress(OSError), visitor:
            visitor.settimeout(600)
            if self.mood == "hanging":
                while self.mood == "hanging":
                    time.sleep(0.1)
                return
            if self.mood == "broken":
                visitor.recv(65536)
                visitor.sendall(BROKEN)
                return
            with socket.create_connection((HOST, self._behind)) as behind:
                back = threading.Thread(target=self._pass_on, args=[behind, visitor, False], daemon=True)
                back.start()
                self._pass_on(visitor, behind, True)
                back.join(5)

    def _pass_on(self, source: socket.socket, target: socket.socket, asked: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.mood in (*SILENT, "broken", "hanging"):
                    break
                if asked and self.mood == "slow":
                    time.sleep(0.2)
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
