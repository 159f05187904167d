"""Names of tags stand in one file."""

from pathlib import Path

import elman
from elman.tracking import tags

NAMES = {name: value for name, value in vars(tags).items() if name.endswith("_TAG")}


def test_no_other_file_spells_a_tag():
    root = Path(elman.__file__).parent
    spelled = [
        f"{path.relative_to(root)}: {value}"
        for path in root.rglob("*.py")
        for value in NAMES.values()
        if path.name != "tags.py" and any(f"{q}{value}{end}" in path.read_text() for q, end in QUOTES)
    ]
    assert spelled == []


def test_each_tag_has_one_name():
    assert len(set(NAMES.values())) == len(NAMES) > 20


QUOTES = [('"', '"'), ("'", "'"), ("`", "`"), ('f"', "{"), ('"', "{")]
