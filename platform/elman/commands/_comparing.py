"""What `elman compare` prints and draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from elman.commands import print_json
from elman.commands._studies import recorded_review
from elman.comparing.arms import sources
from elman.comparing.picture import comparison_plot, refuse_kind, save
from elman.comparing.reading import comparison
from elman.comparing.studies import compared, in_words
from elman.comparing.table import FORMATS
from elman.errors import BadInput
from elman.printable import printable
from elman.recipes.arguments import Words
from elman.tracking.reading import open_to_read


def print_comparison(
    names: Sequence[str],
    words: Words,
    *,
    metric: str | None,
    value: str,
    form: str,
    output: str,
    force: bool,
    say: Callable[[str], None],
) -> int:
    """Compare and print.

    Args:
        names: what is compared.
        words: further options, of recipes named by file.
        metric: None: what they monitor.
        value: best or last.
        form: of `FORMATS`.
        output: file of a picture; "": none.
        force: also figures that mean different things.
        say: prints beside the answer.

    Raises:
        BadInput: for whatever cannot be compared.
    """
    if output:
        refuse_kind(output)
    with open_to_read(words.value("--tracking.tracking_uri")) as (client, store):
        found = sources(client, store, words, names)
        if len(found) < 2:
            raise BadInput(f"{names[0]} is one recipe; name another one to compare it with")
        studies = [each.study for each in found if each.study is not None]
        if studies:
            if len(studies) < len(found):
                raise BadInput("a search compares with searches, a recipe with recipes; name one kind")
            _refuse_of_runs(metric=metric, value=value, form=form, output=output)
            rows = compared([recorded_review(client, row) for row in studies], force=force)
            print_json(rows) if form == "json" else print(printable(in_words(rows), keep="\n"))
            return 0
        answer = comparison(client, found, metric=metric, value=value, force=force)
    if output:
        save(comparison_plot(answer), output)
        say(f"wrote {output}")
    print(printable(FORMATS[form](answer), keep="\n"))
    return 0


def _refuse_of_runs(*, metric: str | None, value: str, form: str, output: str) -> None:
    """Refuse options that searches side by side would leave unread."""
    unread = {
        f"--metric={metric}": metric is not None,
        f"--value={value}": value != "best",
        f"--format={form}": form not in ("text", "json"),
        f"--output={output}": bool(output),
    }
    for option, given in unread.items():
        if given:
            raise BadInput(
                f"{option} is for recipes and runs; searches stand side by side with what each has named, "
                "as text or with --format=json; leave it out"
            )
