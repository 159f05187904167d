"""Settings of the tracking server: `.env` beside this file, or another; the environment comes first."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
SECRETS = ("POSTGRES_PASSWORD", "STUDIES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY")
LOGIN = ("TRACKING_ADMIN_PASSWORD", "TRACKING_SECRET_KEY")
DEFAULTS = {
    "POSTGRES_HOST": "127.0.0.1",
    "POSTGRES_PORT": "5432",
    "POSTGRES_USER": "mlflow",
    "POSTGRES_DATABASE": "mlflow",
    "S3_ENDPOINT": "http://127.0.0.1:7070",
    "S3_REGION": "us-east-1",
    "S3_BUCKET": "mlflow",
    "TRACKING_ADMIN_USER": "admin",
    "TRACKING_ADDRESS": "127.0.0.1",
    "TRACKING_PORT": "5000",
    "TRACKING_ALLOWED_HOSTS": "localhost,localhost:*,127.0.0.1,127.0.0.1:*",
    "TRACKING_WORKERS": "4",
}
# Under the names that libpq, boto3 and MLflow read. Passwords travel here and in no URL or argument, where
# every user of the machine could read them.
EXPORTED = {
    "PGHOST": "POSTGRES_HOST",
    "PGPORT": "POSTGRES_PORT",
    "PGUSER": "POSTGRES_USER",
    "PGPASSWORD": "POSTGRES_PASSWORD",
    "AWS_ACCESS_KEY_ID": "S3_ACCESS_KEY",
    "AWS_SECRET_ACCESS_KEY": "S3_SECRET_KEY",
    "AWS_DEFAULT_REGION": "S3_REGION",
    "MLFLOW_S3_ENDPOINT_URL": "S3_ENDPOINT",
}
# Checksums in trailers, boto3's default, are unknown to many stores that speak S3.
CHECKSUMS = ("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION")


def settings(needed: tuple[str, ...], env_file: Path | None = None) -> dict[str, str]:
    """The environment over the file over the defaults; all of it is exported to programs started from here.

    Args:
        needed: names that must have a value.
        env_file: lines of NAME=value; None: `.env` beside this file, if it is there.
    """
    path = env_file or HERE / ".env"
    if env_file is not None and not path.is_file():
        fail(f"{path} is not there; copy {HERE / '.env.example'} and fill it in")
    given = _read(path) if path.is_file() else {}
    found = dict(DEFAULTS)
    for source in (given, os.environ):
        found |= {name: value for name, value in source.items() if value}
    missing = [name for name in needed if not found.get(name)]
    if missing:
        fail(f"{', '.join(missing)} must have a value, in {path} or in the environment")
    os.environ.update(found | dict.fromkeys(CHECKSUMS, "when_required"))
    os.environ.update({name: found[source] for name, source in EXPORTED.items() if source in found})
    return found


def databases(given: dict[str, str]) -> list[str]:
    """Names of the databases: runs, users, studies."""
    if re.fullmatch(r"[a-z_][a-z0-9_]{0,50}", given["POSTGRES_DATABASE"]) is None:
        fail(f"POSTGRES_DATABASE must be of a-z, 0-9 and _, got {given['POSTGRES_DATABASE']!r}")
    return [given["POSTGRES_DATABASE"] + end for end in ("", "_auth", "_studies")]


def fail(message: str) -> NoReturn:
    """One line and exit code 2."""
    print(f"{Path(sys.argv[0]).stem}: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


def _read(path: Path) -> dict[str, str]:
    """Lines of NAME=value. Quotes, $, # and blanks are refused: docker compose would read them otherwise."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = re.fullmatch(r"([A-Z][A-Z0-9_]*)=([^\s'\"$#`\\]*)\s*", line)
        if match is None:
            fail(f"{path} line {number} must be NAME=value, the value without quotes, blanks, $, # and \\")
        found[match[1]] = match[2]
    return found
