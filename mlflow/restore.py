"""Put back what backup.py wrote to FOLDER, on a server that is stopped; its PostgreSQL and store must run.

Checksums are compared first. Databases and a bucket that hold something are left alone without --force,
which replaces all they hold.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from backup import ARCHIVE, MANIFEST, SUMS, checksum
from parts import PSQL, Parts, find, parser
from settings import HERE, fail

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
CONNECTED = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname IN ({names}) AND pid <> pg_backend_pid()"
    " AND coalesce(backend_type, 'client backend') = 'client backend'"
)


def main() -> None:
    asking = parser(__doc__ or "")
    asking.add_argument("--force", action="store_true", help="replace what is there")
    asked = asking.parse_args()
    about = verify(asked.folder)
    parts = find(asked)
    if len(about["databases"]) != len(parts.databases):
        fail(f"{asked.folder} holds the databases {about['databases']}, not runs, users and studies")
    names = ", ".join(f"'{name}'" for name in parts.databases)
    connected = parts.ask("postgres", CONNECTED.format(names=names))
    if connected != "0":
        fail(f"{connected} connections to {names} are open; stop the MLflow server and all searches first")
    with (HERE / "databases.sql").open("rb") as file:
        parts.postgres("psql", "--no-psqlrc", "--quiet", "--dbname=postgres", read=file)
    if not asked.force:
        held = [name for name in parts.databases if parts.ask(name, TABLES) != "0"]
        held += ["the bucket"] if parts.artifacts("count") != "0" else []
        if held:
            fail(f"{', '.join(held)} not empty; --force replaces all that is there")
    for source, target in zip(about["databases"], parts.databases, strict=True):
        restore(parts, asked.folder / f"{source}.dump", target)
    with (asked.folder / ARCHIVE).open("rb") as file:
        parts.artifacts("replace" if asked.force else "load", read=file)
    print(
        f"restored {len(parts.databases)} databases and {about['objects']} artifacts of {about['made']}, "
        f"written by MLflow {about['mlflow']}"
    )


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a backup whose files are all there and as they were written."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        for name, digest in sums.items():
            if Path(name).name != name or checksum(folder / name) != digest:
                fail(f"{folder / name} is not as it was written: its checksum differs; take another backup")
        about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        missing = {ARCHIVE, MANIFEST, *(f"{name}.dump" for name in about["databases"])} - set(sums)
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"{folder} is no backup: {error}")
    if missing:
        fail(f"{folder / SUMS} does not list {', '.join(sorted(missing))}")
    return dict(about)


def restore(parts: Parts, dump: Path, database: str) -> None:
    """One database in one transaction: all or nothing, and no table of a newer version stays behind."""
    # The role of the workers owns the tables of studies.
    role = [f'SET ROLE "{database}"'] if database == parts.databases[-1] else []
    first = [f"--command={line}" for line in (*role, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")]
    with dump.open("rb") as file, TemporaryFile() as script:
        # Whole before the first line is run: a script cut short would be committed.
        parts.postgres("pg_restore", "--no-owner", "--no-privileges", "--file=-", read=file, write=script)
        script.seek(0)
        parts.postgres(*PSQL, f"--dbname={database}", "--single-transaction", *first, "--file=-", read=script)


if __name__ == "__main__":
    main()
