"""Run the team's MLflow server over PostgreSQL and an S3 store.

The same file starts the server in its container and without containers. It ends with one line and exit
code 2 when something is missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from artifacts import open_bucket
from settings import HERE, LOGIN, SECRETS, databases, fail, settings

PACKAGES = {"mlflow": "mlflow", "psycopg": "psycopg[binary]", "boto3": "boto3", "flask_wtf": "Flask-WTF"}
MOST_PORT = 65535
LEAST_PASSWORD = 12  # characters; MLflow takes no shorter one for its first user
# Members may write to each other's experiments; deleting needs the owner or the administrator.
# A password checked anew with each request would cost a tenth of a second each.
USERS = """[mlflow]
default_permission = EDIT
database_uri = postgresql:///{database}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env-file", type=Path, help="lines of NAME=value; default: .env beside this file")
    once = parser.add_mutually_exclusive_group()
    once.add_argument("--create", action="store_true", help="make the databases and the bucket, then end")
    once.add_argument("--upgrade", action="store_true", help="bring the databases to this MLflow, then end")
    asked = parser.parse_args()
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        fail(f"{' '.join(missing)} must be installed; pip install elman[server]")
    if asked.create:
        given = settings(SECRETS, asked.env_file)
        create(given)
        return
    given = settings((*SECRETS[:1], *SECRETS[2:], *LOGIN), asked.env_file)
    check(given)
    if asked.upgrade:
        upgrade(given)
        return
    open_bucket(given)
    start(given)


def create(given: dict[str, str]) -> None:
    """The role and databases of `databases.sql`, and the bucket."""
    if shutil.which("psql") is None:
        fail("psql is not there; install PostgreSQL's client programs")
    command = ["psql", "--no-psqlrc", "--quiet", "--dbname=postgres", f"--file={HERE / 'databases.sql'}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        fail(f"the databases cannot be made: {ended.stderr}")
    open_bucket(given)


def upgrade(given: dict[str, str]) -> None:
    """Change the tables of runs and users to those of this MLflow. Only a backup leads back."""
    runs, users, _ = databases(given)
    for words in (
        ["mlflow", "db", "upgrade", f"postgresql:///{runs}"],
        ["mlflow.server.auth", "db", "upgrade", "--url", f"postgresql:///{users}"],
    ):
        ended = subprocess.run([sys.executable, "-m", *words], check=False)
        if ended.returncode:
            fail(f"{' '.join(words)} failed, its messages are above; restore the backup")


def check(given: dict[str, str]) -> None:
    """That the values can be right and both databases let us in."""
    import psycopg

    for name, least, most in (("TRACKING_PORT", 1, MOST_PORT), ("TRACKING_WORKERS", 1, 1000)):
        if not (given[name].isdecimal() and least <= int(given[name]) <= most):
            fail(f"{name} must be a whole number from {least} to {most}, got {given[name]!r}")
    if len(given["TRACKING_ADMIN_PASSWORD"]) < LEAST_PASSWORD:
        fail(f"TRACKING_ADMIN_PASSWORD must have at least {LEAST_PASSWORD} characters")
    where = f"{given['POSTGRES_HOST']}:{given['POSTGRES_PORT']}"
    for database in databases(given)[:2]:
        try:
            psycopg.connect(dbname=database, connect_timeout=5).close()
        except psycopg.Error as error:
            fail(f"database {database!r} at {where} cannot be used ({error}); serve.py --create makes it")


def start(given: dict[str, str]) -> None:
    """Become the server: signals reach it without a process in between."""
    runs, users, _ = databases(given)
    config = Path(tempfile.mkdtemp(prefix="mlflow-")) / "users.ini"
    config.write_text(USERS.format(database=users), encoding="utf-8")
    names = {
        **os.environ,
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_AUTH_ADMIN_USERNAME": given["TRACKING_ADMIN_USER"],
        "MLFLOW_AUTH_ADMIN_PASSWORD": given["TRACKING_ADMIN_PASSWORD"],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": given["TRACKING_SECRET_KEY"],
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven helper processes that judge language models
        "DO_NOT_TRACK": "true",
    }
    hosts = given["TRACKING_ALLOWED_HOSTS"]
    # A browser sends the page from which a request comes; the server's own pages may send some.
    origins = ",".join(f"{scheme}://{host}" for host in hosts.split(",") for scheme in ("http", "https"))
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth"]
    command += ["--backend-store-uri", f"postgresql:///{runs}"]
    command += ["--artifacts-destination", f"s3://{given['S3_BUCKET']}"]
    command += ["--host", given["TRACKING_ADDRESS"], "--port", given["TRACKING_PORT"]]
    command += ["--allowed-hosts", hosts, "--cors-allowed-origins", origins]
    command += ["--workers", given["TRACKING_WORKERS"]]
    os.execve(sys.executable, command, names)


if __name__ == "__main__":
    main()
