"""Trying again where a store is unreachable for a while, as servers and databases are when they restart."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from elman.errors import BadInput
from elman.tracking.store import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
else:
    MlflowClient = object

log = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_SECONDS = 600.0
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0
# What MLflow's client says of a call that failed, and in it what urllib3 says.
CALLED = re.compile(r"API request to (https?://[^/]+)\S* failed with exception")
CAUSE = re.compile(r"Caused by \w+\((.*)\)\)$")
FINAL_CODES = (
    *("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "UNAUTHENTICATED"),
)
FINAL_ERRORS = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)


def retry(call: Callable[[], T], *, what: str, seconds: float = RETRY_SECONDS) -> T:
    """What `call` returns, tried again while the store behind it does not answer.

    Args:
        call: may be made more than once without harm.
        what: is done, for the warning.
        seconds: after which the last error is raised.
    """
    end, pause, warned = time.monotonic() + seconds, FIRST_PAUSE_SECONDS, False
    while True:
        try:
            return call()
        except Exception as error:
            if not is_passing(error) or time.monotonic() + pause > end:
                raise
            if not warned and pause > 1:
                log.warning("%s does not succeed, trying on: %s", what, first_line(error))
                warned = True
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


class RetryingClient(MlflowClient):
    """A client of MLflow whose calls wait for a store that is unreachable for a while, each by `retry`.

    Args:
        plain: the client that makes the calls.
        seconds: after which a call raises; it may be changed at any time.
    """

    def __init__(self, plain: MlflowClient, *, seconds: float = RETRY_SECONDS) -> None:
        self.plain, self.seconds = plain, seconds

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.plain, name)

        def tried(*args: Any, **kwargs: Any) -> Any:
            return retry(lambda: method(*args, **kwargs), what=f"MLflow's {name}", seconds=self.seconds)

        return tried


def is_passing(error: BaseException) -> bool:
    """Whether an error comes from a store that is unreachable or busy, and not from what it was asked."""
    from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

    for each in (error, error.__cause__, error.__context__):
        if isinstance(each, (IntegrityError, ProgrammingError, *FINAL_ERRORS)):
            return False
        if isinstance(each, BadInput):  # in our words, and passing if its cause is
            return each.__cause__ is not None and is_passing(each.__cause__)
        code = getattr(each, "error_code", None)  # of MLflow
        if code in FINAL_CODES:
            return False
        if code is not None or isinstance(each, DBAPIError | OSError):
            return True
        if isinstance(each, sqlite3.OperationalError) and any(
            word in str(each) for word in ("locked", "full")
        ):
            return True
        if each is not None and type(each).__name__ == "StorageInternalError":  # of Optuna
            return True
    return False


def reason(error: BaseException) -> str:
    """What is wrong, without the argument that it concerns and the way out."""
    text = first_line(error)
    if called := CALLED.match(text):
        cause = CAUSE.search(text)
        detail = cause[1].rpartition(": ")[2].strip("'\"") if cause else "no answer"
        return f"the tracking server at {called[1]} does not answer ({detail})"
    return text.removeprefix("tracking_uri: ").partition("; ")[0]
