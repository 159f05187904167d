"""Copy the databases and the artifacts of a running server to a dated folder in FOLDER.

The databases come first: an artifact that arrives meanwhile is one too many, never one too few. Do not run
`mlflow gc` at the same time, which deletes artifacts.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

from parts import find, parser
from settings import fail

ARCHIVE, MANIFEST, SUMS = "artifacts.tar", "manifest.json", "SHA256SUMS"


def main() -> None:
    asked = parser(__doc__ or "").parse_args()
    parts = find(asked)
    made = datetime.now(UTC)
    folder = asked.folder / made.strftime("%Y-%m-%dT%H-%M-%SZ")
    partial = folder.with_suffix(".partial")  # what was cut short never looks like a backup
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        fail(f"{partial} cannot be made: {error.strerror}; name another folder")
    for database in parts.databases:
        with (partial / f"{database}.dump").open("wb") as file:
            parts.postgres("pg_dump", "--format=custom", f"--dbname={database}", write=file)
    with (partial / ARCHIVE).open("wb") as file:
        parts.artifacts("dump", write=file)
    with tarfile.open(partial / ARCHIVE) as archive:
        sizes = [member.size for member in archive]
    about = {
        "made": made.isoformat(timespec="seconds"),
        "databases": parts.databases,
        "objects": len(sizes),
        "bytes": sum(sizes),
        "mlflow": parts.artifacts("version"),
        "postgresql": parts.ask("postgres", "SHOW server_version"),
    }
    (partial / MANIFEST).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    names = [f"{name}.dump" for name in parts.databases] + [ARCHIVE, MANIFEST]
    lines = [f"{checksum(partial / name)}  {name}\n" for name in names]
    (partial / SUMS).write_text("".join(lines), encoding="utf-8")
    partial.rename(folder)
    print(f"{folder}: {len(parts.databases)} databases, {len(sizes)} artifacts of {sum(sizes):,} bytes")


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    main()
