"""Another study's trials, from which a sampler learns before the first one of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.search.space.definition import Search, folder_of
from elman.search.study.kept_study import CONFIRMS, IDENTITY, Retrying
from elman.search.study.same_study import difference
from elman.search.study.storage import open_storage

JOURNAL = "journal.log"
COMPARED = ("space", "objectives", "value")


def warm_trials(search: Search) -> list[Any]:
    """The trials of the study that the search begins with, those that ended; [] where it names none.

    They are no trials of this study: none counts, is named or displayed.

    Raises:
        BadInput: if it is not there, or has another space, other objectives or other values.
    """
    given = search.settings.warm_start
    if not given:
        return []
    where = f"warm_start={given}"
    place = _journal(given)
    if place is None:
        raise BadInput(
            f"{where}: there is no such study here; name one of searches/, or a folder with a {JOURNAL}"
        )
    if place.resolve() == (search.folder / JOURNAL).resolve():
        raise BadInput(f"{where}: is this study itself, which goes on by the same command; leave it out")
    storage = Retrying(open_storage(str(place), place.parent))
    studies = storage.get_all_studies()
    if len(studies) != 1:
        raise BadInput(f"{where}: {place} holds {len(studies)} studies; name the journal of one")
    (study,) = studies
    then = {"value": "best", **json.loads(study.user_attrs.get(IDENTITY, "{}"))}
    mine = json.loads(json.dumps(search.identity))
    for part in COMPARED:
        if mine[part] != then.get(part):
            raise BadInput(
                f"{where}: its trials do not compare, it has {difference(part, then.get(part), mine[part])}"
            )
    found = storage.get_all_trials(study._study_id, deepcopy=False)
    return [trial for trial in found if trial.state.is_finished() and CONFIRMS not in trial.user_attrs]


def _journal(given: str) -> Path | None:
    places = (Path(given), Path(given) / JOURNAL, folder_of(given) / JOURNAL)
    return next((place for place in places if place.is_file()), None)
