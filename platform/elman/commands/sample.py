"""`elman sample`: a text that a trained network writes."""

from __future__ import annotations

import sys
from types import SimpleNamespace

from elman.commands import OVERRIDES, TRUST, Command, Option
from elman.errors import BadInput
from elman.printable import printable


def sample(words: list[str], *, prompt: str, count: int, temperature: float, seed: int, trust: str) -> int:
    from datamodules.texts.tokens import tokens_from
    from elman.predict.sampling import sample_text
    from elman.run.trained import trained, trained_recipe

    checkpoint, recipe, parts = trained_recipe("sample", words, trust=trust, reads_data=False)
    saved = checkpoint.get(type(parts.data).__qualname__, {})
    tokens = tokens_from(saved)
    if tokens is None:
        raise BadInput(
            "this checkpoint was not trained on text, so it has nothing to write; "
            "`elman predict` shows its predictions"
        )
    if checkpoint["elman"]["metadata"].get("context_size") is not None:
        raise BadInput(
            "this network reads a context, which no prompt gives; `elman predict` writes its predictions"
        )
    if unlisted := tokens.unlisted(prompt):
        shown = ", ".join(map(repr, unlisted[:8])) + (" ..." if len(unlisted) > 8 else "")
        print(f"the prompt holds what training did not have, read as unknown: {shown}", file=sys.stderr)
    task = trained(checkpoint, recipe, SimpleNamespace(**checkpoint["elman"]["metadata"]))
    text = sample_text(task.network, tokens, prompt=prompt, count=count, temperature=temperature, seed=seed)
    # A text may hold anything; what goes to a file stays as it is.
    print(printable(text, keep="\n\t") if sys.stdout.isatty() else text)
    return 0


COMMAND = Command(
    order=7,
    line="let a run or a checkpoint write a text of its own",
    usage="""\
usage: elman sample RUN|CHECKPOINT [--prompt=TEXT] [--count=N] [--temperature=T] [--seed=N] [--key=value ...]

Let a network that was trained on text write on.""",
    options={
        "prompt": Option("--prompt=TEXT", "what it goes on from; the end of a line", default="\n"),
        "count": Option("--count=N", "characters it writes; 500", default=500, kind=int),
        "temperature": Option(
            "--temperature=T",
            "divides the logits; 0 always takes the likeliest character; 0.8",
            default=0.8,
            kind=float,
        ),
        "seed": Option("--seed=N", "another seed writes another text; 1", default=1, kind=int),
        "trust": TRUST,
    },
    run=sample,
    more=OVERRIDES,
)
