"""Another study's trials, from which a sampler learns before the first one of its own."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.errors import BadInput
from elman.search.space.definition import Search, folder_of
from elman.search.study.kept_study import BASE, CONFIRMS, DATA, IDENTITY, Retrying
from elman.search.study.same_study import difference
from elman.search.study.storage import open_storage
from elman.tracking.runs import DATA_PARAMS, UNMEASURED

log = logging.getLogger(__name__)

JOURNAL = "journal.log"
COMPARED = ("space", "objectives", "value")
SHOWN = 6
UNLIKE = "such figures mean different things: name a study of the same data and loss, or leave warm_start out"


def warm_trials(search: Search) -> list[Any]:
    """The trials of the study that the search begins with, those that ended; [] where it names none.

    They are no trials of this study: none counts, is named or displayed.

    Raises:
        BadInput: if it is not there, or has another space, other objectives or other values, or its figures
            mean something else: those of other data, or of another loss.
    """
    given = search.settings.warm_start
    if not given:
        return []
    where = f"warm_start={given}"
    study, storage = _opened(search, where)
    then = {"value": "best", **json.loads(study.user_attrs.get(IDENTITY, "{}"))}
    mine = json.loads(json.dumps(search.identity))
    for part in COMPARED:
        if mine[part] != then.get(part):
            raise BadInput(
                f"{where}: its trials do not compare, it has {difference(part, then.get(part), mine[part])}"
            )
    if mine["recipe"] != then.get("recipe"):
        _compare_recipes(search, where, json.loads(study.user_attrs.get(BASE, "{}")))
    found = storage.get_all_trials(study._study_id, deepcopy=False)
    return [trial for trial in found if trial.state.is_finished() and CONFIRMS not in trial.user_attrs]


def refuse_other_data(search: Search, digest: str) -> None:
    """Compare the data of the study that the search begins with, where both are known.

    Args:
        digest: of the search's data; "": each trial has data of its own.

    Raises:
        BadInput: if they are others.
    """
    if not search.settings.warm_start or not digest:
        return
    where = f"warm_start={search.settings.warm_start}"
    study, _ = _opened(search, where)
    then = study.user_attrs.get(DATA)
    if then and then != digest:
        raise BadInput(
            f"{where}: its trials do not compare, its data have the digest {then[:12]}, those here "
            f"{digest[:12]}; {UNLIKE}"
        )


def _compare_recipes(search: Search, where: str, then: Mapping[str, str]) -> None:
    """Refuse a base recipe whose figures mean something else; say what else is not the same."""
    if not then:
        log.warning("%s: its base recipe was another one; it has not recorded what differs", where)
        return
    varied = tuple(dimension.target for dimension in search.space.dimensions)
    mine = search.base.decisive
    differing = [
        name
        for name in sorted(mine.keys() | then.keys())
        if mine.get(name) != then.get(name) and not any(_is_of(name, target) for target in varied)
    ]
    measured = [name for name in differing if _is_measured(name)]
    if measured:
        raise BadInput(
            f"{where}: its trials do not compare, it is of unlike data or scores: "
            f"{_in_words(measured, then, mine)}; {UNLIKE}"
        )
    if differing:
        log.warning(
            "%s: its trials had other fixed values, and the sampler learns from them all the same: %s",
            where,
            _in_words(differing, then, mine),
        )


def _is_measured(name: str) -> bool:
    """Whether a value decides what a metric of validation means; what a path names has a digest."""
    return f"{name}.".startswith(DATA_PARAMS) and not UNMEASURED & set(name.split("."))


def _is_of(name: str, target: str) -> bool:
    return name == target or name.startswith(f"{target}.")


def _in_words(names: list[str], then: Mapping[str, str], mine: Mapping[str, str]) -> str:
    shown = ", ".join(f"{n} {then.get(n, '-')} there and {mine.get(n, '-')} here" for n in names[:SHOWN])
    return shown + (", ..." if len(names) > SHOWN else "")


def _opened(search: Search, where: str) -> tuple[Any, Retrying]:
    """The study that the search begins with, and its storage."""
    place = _journal(str(search.settings.warm_start))
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
    return studies[0], storage


def _journal(given: str) -> Path | None:
    places = (Path(given), Path(given) / JOURNAL, folder_of(given) / JOURNAL)
    return next((place for place in places if place.is_file()), None)
