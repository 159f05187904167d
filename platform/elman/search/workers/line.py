"""The search's end of the line to a trial: objects of JSON, one on each line, both ways."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

RECEIVE_BYTES = 65536


class Line:
    """A line that is read without waiting, since one loop hears all trials.

    Args:
        connection: taken over.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._received = b""

    def fileno(self) -> int:
        """For a selector."""
        return self._connection.fileno()

    def messages(self) -> Iterator[dict[str, Any] | None]:
        """What has come; None at the line's end."""
        while True:
            try:
                received = self._connection.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                received = b""
            if not received:
                yield None
                return
            *lines, self._received = (self._received + received).split(b"\n")
            for line in lines:
                yield json.loads(line)

    def say(self, **message: Any) -> None:
        """Send a message; nothing happens if the other end is gone."""
        with suppress(OSError):
            self._connection.setblocking(True)
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        with suppress(OSError):
            self._connection.setblocking(False)

    def hang_up(self) -> None:
        """Say nothing more, but listen: a trial stops in order when its search hangs up."""
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._connection.close()
