"""The literature beside ours: one table, made from the heads of committed recipes and from tracked runs.

    python benchmarks/evidence.py [--tracking-uri sqlite:///mlflow.db] [--write docs/evidence.md]

A recipe of `experiments/papers` says in its head what was published, and what is asked of it:

    # Paper: Bai, Kolter and Koltun (2018), arXiv 1803.01271, table 1, LSTM
    # Published: test/nats_per_step 8.45, asked: at most 8.55
    # Published: train/length longer, asked: above uoro.yaml

The second kind is held against what the other recipe of the folder has come to.

Its runs are those of the store with the values that the committed file has, seeds and paths aside; a run of
other values counts for nothing, and neither does one of files that differed from their commit. A recipe
without such a run has no row; but a page keeps one whose runs are in another store, if the recipe has had
the same values ever since its commit.
"""

from __future__ import annotations

import argparse
import operator
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "platform"), str(ROOT)]

from elman.groups.spread import spread  # noqa: E402
from elman.recipes.recipe import parse  # noqa: E402
from elman.tracking.params import flat_params  # noqa: E402
from elman.tracking.reading import open_to_read  # noqa: E402
from elman.tracking.runs import RunRow, search_runs  # noqa: E402
from elman.tracking.tags import COMMIT_TAG, GIT_DIRTY_TAG  # noqa: E402

FOLDER = ROOT / "experiments" / "papers"
PAPER = re.compile(r"^# Paper: (.+)$", re.MULTILINE)
PUBLISHED = re.compile(
    r"^# Published: (\S+) (\S+), asked: (at most|at least|above|below) (\S+)$", re.MULTILINE
)
FREE = re.compile(
    r"^(seed_everything$|tracking\.|diagnostics|callbacks|config|trainer\.(checkpoint|progress|keep_every|threads|devices)"
    r"|.*(^|\.)path$)"
)
"""What may differ between a run and its committed recipe: nothing that decides numbers."""
ASKED: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "at most": ("≤", operator.le),
    "at least": ("≥", operator.ge),
    "above": (">", operator.gt),
    "below": ("<", operator.lt),
}
BEGIN, END = "<!-- made by benchmarks/evidence.py -->\n", "<!-- until here -->\n"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What was published of a metric, as the head of a recipe says it, and what is asked of ours.

    Args:
        published: as printed.
        asked: at most, at least, above or below `bound`.
        bound: a number, or the name of a recipe in the same folder: what that one has come to.
    """

    recipe: Path
    paper: str
    metric: str
    published: str
    asked: str
    bound: str

    @property
    def other(self) -> Path | None:
        """The recipe that it is held against, if it is not held against a number."""
        return self.recipe.parent / self.bound if self.bound.endswith(".yaml") else None

    @property
    def name(self) -> str:
        """Of its recipe, from the folder of all."""
        inside = self.recipe.is_relative_to(FOLDER)
        return self.recipe.relative_to(FOLDER).as_posix() if inside else self.recipe.name

    def met(self, value: float, bound: float) -> bool:
        return ASKED[self.asked][1](value, bound)


def claims(folder: Path = FOLDER) -> list[Claim]:
    """Those of all recipes below a folder, in the order of their names."""
    found = []
    for path in sorted(folder.glob("**/*.yaml")):
        head = path.read_text(encoding="utf-8").split("\nseed_everything")[0]
        paper = PAPER.search(head)
        for metric, published, asked, bound in PUBLISHED.findall(head):
            if paper is None:
                raise ValueError(f"{path}: a line '# Published:' needs a line '# Paper:'")
            found.append(
                Claim(
                    recipe=path,
                    paper=paper[1],
                    metric=metric,
                    published=published,
                    asked=asked,
                    bound=bound,
                )
            )
    return found


def fixed(params: Mapping[str, str]) -> dict[str, str]:
    """Those values of a run or a recipe that decide its numbers."""
    return {name: value for name, value in params.items() if "." in name and not FREE.match(name)}


def runs_of(recipe: Path, rows: Iterable[RunRow]) -> list[RunRow]:
    """The newest finished run of each seed with the values of a committed recipe, by seed.

    A run of before there was some option has no value of it, which is right unless the recipe sets it.
    """
    wanted = fixed(flat_params(parse("fit", [str(recipe)]).config.as_dict()))
    written = flat_params(yaml.safe_load(recipe.read_text(encoding="utf-8")))
    found: dict[int, RunRow] = {}
    for row in rows:  # newest first
        if row.state != "finished" or row.is_group or row.tags.get(GIT_DIRTY_TAG) == "true":
            continue
        if all(
            row.params[name] == value if name in row.params else name not in written
            for name, value in wanted.items()
        ):
            found.setdefault(int(row.params.get("seed_everything", 0)), row)
    return [found[seed] for seed in sorted(found)]


def line(claim: Claim, rows: Sequence[RunRow], others: Sequence[RunRow] = ()) -> str | None:
    """One row of the table; None: no run has the metric, or none of those it is held against.

    Args:
        rows: runs of the recipe.
        others: runs of the recipe that it is held against, if there is one.
    """
    values, other = values_of(claim, rows), spread(values_of(claim, others))
    found = spread(values)
    if found is None or (claim.other is not None and other is None):
        return None
    bound = float(claim.bound) if other is None else other.mean
    commits = {row.tags.get(COMMIT_TAG, "")[:7] for row in rows}
    minutes = [row.metrics["cost/cpu_seconds"] / 60 for row in rows if "cost/cpu_seconds" in row.metrics]
    ours = f"{found.mean:.4g}" + (f" ({found.sd:.2g})" if found.sd is not None else "")
    asked = f"{ASKED[claim.asked][0]} {bound:.4g}" + (f", {claim.bound}" if claim.other else "")
    verdict = "yes" if claim.met(found.mean, bound) else "no"
    met = sum(claim.met(value, bound) for value in values)
    if 0 < met < len(values):
        verdict += f", {met} of {len(values)} seeds"
    cost = f"{sum(minutes) / len(minutes):.1f}" if minutes else ""
    columns = [
        claim.name,
        claim.paper,
        claim.metric,
        claim.published,
        asked,
        ours,
        str(len(values)),
        verdict,
        cost,
    ]
    return "| " + " | ".join([*columns, ", ".join(sorted(commits))]) + " |"


def values_of(claim: Claim, rows: Sequence[RunRow]) -> list[float]:
    return [row.metrics[claim.metric] for row in rows if claim.metric in row.metrics]


Rows = dict[tuple[str, str], str]
"""Of the table, by recipe and metric."""


def rows_of(page: str) -> Rows:
    """Those that a page has."""
    lines = page.partition(BEGIN)[2].partition(END)[0].splitlines()[2:]
    cells = {line: [cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines}
    return {(found[0], found[2]): line for line, found in cells.items()}


def still_true(row: str) -> bool:
    """Whether the recipe of a row has today's values at each of the commits that it names."""
    name, *_, commits = row.strip("| ").split(" | ")
    path = FOLDER / name
    if not path.is_file():
        return False
    today = yaml.safe_load(path.read_text(encoding="utf-8"))
    for commit in commits.split(", "):
        at = f"{commit}:{path.relative_to(ROOT).as_posix()}"
        shown = subprocess.run(["git", "show", at], cwd=ROOT, capture_output=True, text=True, check=False)
        if shown.returncode or yaml.safe_load(shown.stdout) != today:
            return False
    return True


def table(tracking_uri: str | None, page: str = "") -> str:
    """Markdown: a row for every claim that was measured.

    Args:
        page: whose rows are kept where the store has no run.
    """
    head = [
        "recipe",
        "published by",
        "metric",
        "published",
        "asked",
        "ours",
        "seeds",
        "met",
        "CPU min",
        "commit",
    ]
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    with open_to_read(tracking_uri) as (client, _):
        rows = list(search_runs(client, [str(e.experiment_id) for e in client.search_experiments()]))
    runs: dict[Path, list[RunRow]] = {}
    had = rows_of(page)
    for claim in claims():
        for recipe in (claim.recipe, claim.other):
            if recipe is not None and recipe not in runs:
                runs[recipe] = runs_of(recipe, rows)
        made = line(claim, runs[claim.recipe], runs[claim.other] if claim.other else ())
        old = had.get((claim.name, claim.metric))
        if made is None and old is not None and still_true(old):
            made = old
        lines += [] if made is None else [made]
    return "\n".join(lines) + "\n"


def written(text: str, made: str) -> str:
    """A page with its table exchanged."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(
            f"the page has no place for the table, between {BEGIN.strip()!r} and {END.strip()!r}"
        )
    return before + begin + made + end + after


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tracking-uri", help="the store; as `elman runs` finds it where none is named")
    parser.add_argument("--write", type=Path, help="a page, whose table is exchanged")
    options = parser.parse_args()
    page = "" if options.write is None else options.write.read_text(encoding="utf-8")
    made = table(options.tracking_uri, page)
    if options.write is None:
        print(made, end="")
    else:
        options.write.write_text(written(page, made), encoding="utf-8")


if __name__ == "__main__":
    main()
