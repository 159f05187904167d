"""All trials as a file that tables and notebooks read."""

from __future__ import annotations

import csv
import io

from elman.search.results.columns import Column, columns
from elman.search.results.review import Review


def trials_csv(review: Review) -> str:
    """Every trial in a line, numbers with all their digits, nothing where there is nothing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    table = [c if c.name != "state" else Column("state", lambda t: t.state) for c in columns(review)]
    if review.constraints:
        keeps = Column("within limits", lambda t: t.state != "complete" or review.keeps_limits(t))
        table.insert(2, keeps)
    writer.writerow([column.name for column in table])
    for trial in review.trials:
        cells = [column.of(trial) for column in table]
        writer.writerow(["" if cell is None else cell for cell in cells])
    return text.getvalue()
