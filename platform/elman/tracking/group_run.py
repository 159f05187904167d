"""A group in MLflow: one run for itself, and one nested run for each of its members."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from elman.errors import BadInput
from elman.tracking.opening import create_run, first_tags, reopen_run
from elman.tracking.retry import RetryingClient, retry
from elman.tracking.runs import RunRow, quoted, row_of, search_runs
from elman.tracking.store import open_store
from elman.tracking.tags import (
    ATTEMPT_TAG,
    GROUP_TAG,
    MEMBER_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    SOURCE_TAG,
    SOURCE_TYPE_TAG,
    USER_TAG,
    VARIES_TAG,
    WHY_TAG,
)
from elman.tracking.writer import RunWriter


class GroupRun:
    """The runs of one group. Every call waits for a store that is unreachable for a while.

    A group is found again by the digest of its recipe and by what its members differ in: nothing of it is
    kept elsewhere.

    Args:
        uri: the store.
        experiment: its name, created when missing.
        digest: of the recipe without seed and fold.
        varies: what its members differ in.
    """

    def __init__(self, uri: str, *, experiment: str, digest: str, varies: str) -> None:
        self.uri, self.experiment, self.digest, self.varies = uri, experiment, digest, varies
        self.client = RetryingClient(retry(lambda: open_store(uri), what="opening the store", seconds=5.0))
        self._run: RunWriter | None = None

    def find(self) -> RunRow | None:
        """The group's own run; None: there is none yet."""
        found = self.client.get_experiment_by_name(self.experiment)
        wanted = f"tags.`{GROUP_TAG}` = {quoted(self.digest)} and tags.`{VARIES_TAG}` = {quoted(self.varies)}"
        numbers = [] if found is None else [str(found.experiment_id)]
        return next(search_runs(self.client, numbers, wanted), None)

    def open(self, name: str, tags: Mapping[str, Any]) -> None:
        """Go on with the group's run, or make it.

        Raises:
            BadInput: if another process trains this group.
        """
        run = self.find()
        if run is not None and run.status == "RUNNING" and run.alive:
            raise BadInput(
                f"group {run.id} ({run.name}) is being trained by process {run.tags.get(PROCESS_TAG)}; "
                "stop that first"
            )
        own = first_tags({GROUP_TAG: self.digest, VARIES_TAG: self.varies, **tags})
        if run is None:
            run = create_run(self.client, self.uri, experiment=self.experiment, name=name, tags=own)
            self._run = RunWriter(self.client, run, counts_time=False)
        else:
            reopen_run(self.client, self.uri, run.id)
            self._run = RunWriter(self.client, run, resumed=True, counts_time=False)

    @property
    def run(self) -> RunWriter:
        """The writer of the group's own run, once it was opened."""
        assert self._run is not None, "open comes first"
        return self._run

    def members(self) -> dict[str, RunRow]:
        """The members' runs by which they are, the newest of each."""
        return members(self.client, self.run.experiment_id, self.run.id)

    def member(self, which: str, name: str) -> RunRow:
        """A member's run, made when missing. It is SCHEDULED until its process starts."""
        found = self.members().get(which)
        if found is not None:
            return found
        tags = {
            PARENT_TAG: self.run.id,
            MEMBER_TAG: which,
            GROUP_TAG: self.digest,
            ATTEMPT_TAG: "0",
            USER_TAG: first_tags()[USER_TAG],
            SOURCE_TAG: "elman fit",
            SOURCE_TYPE_TAG: "LOCAL",
        }
        run = self.client.create_run(self.run.experiment_id, run_name=name, tags=tags)
        self.client.update_run(run.info.run_id, "SCHEDULED")
        return row_of(run)

    def adopt(self, run_id: str, which: str) -> None:
        """Make a run that was trained alone, with the same recipe, a member."""
        for tag, value in ((PARENT_TAG, self.run.id), (MEMBER_TAG, which), (GROUP_TAG, self.digest)):
            self.client.set_tag(run_id, tag, value)

    def end(self, run_id: str, status: str, *, why: str = "") -> RunRow:
        """Record how a member has ended where its process could not; its run as it is then."""
        run = row_of(self.client.get_run(run_id))
        if run.status == "FINISHED":
            return run
        if why:
            RunWriter(self.client, run, counts_time=False).tags({WHY_TAG: why})
        if run.status != status:
            self.client.set_terminated(run_id, status)
        return row_of(self.client.get_run(run_id))


def members(client: Any, experiment_id: str, parent: str) -> dict[str, RunRow]:
    """The members of a group by which they are, the newest run of each, in the order of seeds and folds."""
    wanted = f"tags.`{PARENT_TAG}` = {quoted(parent)}"
    found: dict[str, RunRow] = {}
    for row in search_runs(client, [experiment_id], wanted):
        if which := row.tags.get(MEMBER_TAG, ""):
            found.setdefault(which, row)
    return dict(
        sorted(found.items(), key=lambda pair: [int(number) for number in re.findall(r"\d+", pair[0])])
    )
