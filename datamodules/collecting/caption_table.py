"""Caption tables: a CSV that names pictures or videos and holds a text about each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from datamodules.collecting.captions import BOS, EOS, Unit, steps_of
from datamodules.collecting.findings import BadOnes, Findings
from datamodules.collecting.found_files import Medium, other_columns
from datamodules.collecting.manifest import read_manifest
from datamodules.files import digest_of, relative_name
from elman.errors import BadInput


def find_captions(path: str, medium: Medium, *, unit: Unit, skip_bad: bool) -> Findings:
    """A CSV table with the columns path and caption, and perhaps part and others; a path may come twice.

    Fields are the path, the caption (without blanks at the ends, one between words) and the other columns.

    Args:
        skip_bad: leave out and count what cannot be used.

    Raises:
        BadInput: where the table or a row of it cannot be used.
    """
    table, bad = Path(path).expanduser(), BadOnes(skip=skip_bad)
    rows = read_manifest(table, needs=("caption",), bad=bad, usable=medium.open, repeats=True)
    captions = [" ".join(caption.split()) for caption in rows.columns["caption"]]
    places = [relative_name(file, rows.root) for file in rows.paths]
    often, seen = Counter(places), Counter[str]()
    names = []
    for place, caption in zip(places, captions, strict=True):
        if BOS in caption or EOS in caption:
            raise BadInput(f"{table}: the caption of {place} holds a control character; take it out")
        seen[place] += 1
        names.append(place if often[place] == 1 else f"{place}, caption {seen[place]}")
    read = [*medium.files_of([*dict.fromkeys(rows.paths)]), table.resolve()]
    digest, of_content = digest_of(read, rows.root)
    return Findings(
        source=table.name,
        digest=digest,
        names=names,
        lengths=steps_of(captions, unit),
        fields={**other_columns(rows.columns, "caption"), "path": places, "caption": captions},
        given=rows.given,
        skipped=bad.skipped,
        files=rows.paths,
        metadata={
            **medium.metadata(),
            "unit": unit,
            "digest_of": None if of_content else "names and sizes",
        },
    )
