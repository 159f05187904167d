"""What each command of the front door does."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

from elman.errors import BadInput
from elman.launch.options import number, option
from elman.launch.prediction import predict
from elman.launch.target import trained_recipe

HELP = {
    "fit": """\
usage: elman fit RECIPE ... [--resume [RUN]] [--key=value ...]

Train a recipe, tracked. Several recipes are merged, the later ones win.

  --resume         go on with the newest unfinished run of this recipe, values and all
  --resume RUN     go on with this run, by id or name
  --print_config   print the resolved recipe and do nothing

Every key of a recipe is an option, a class goes by name:
  --model.bptt=Truncated --model.bptt.k1=20 --data.path=my.txt --trainer.max_minutes=3
  --model.bptt.help Truncated   lists what a class takes""",
    "crossvalidate": """\
usage: elman crossvalidate RECIPE ... --data.split.folds=N [--workers=N] [--key=value ...]

Train a recipe once for every fold of its data, a tracked run each, and test each on its fold. A fold that
has finished is not trained again, so the same command goes on with what was interrupted. It is known by its
recipe: where files or code have changed under it, name another --tracking.experiment.

  --workers=N      folds trained at the same time; 1

Every key of a recipe is an option:""",
    "validate": """\
usage: elman validate RUN|CHECKPOINT [--key=value ...]

Score a run's best checkpoint, or the checkpoint named, on the validation data; one figure a line.""",
    "test": """\
usage: elman test RUN|CHECKPOINT [--key=value ...]

Score a run's best checkpoint, or the checkpoint named, on the test data; one figure a line.""",
    "predict": """\
usage: elman predict RUN|CHECKPOINT [--part=PART] [--scored] [--format=FORMAT] [--output=FILE] [--key=value]
       elman predict RUN|CHECKPOINT --stream [--reset-on=WHAT] [--last] [--format=FORMAT] [--output=FILE]

Write what the network says: a line for each row and step.

  --part=PART      test, val or train (its first batch); test
  --scored         only steps that count in the loss
  --format=FORMAT  csv or jsonl; csv
  --output=FILE    where the lines go; the terminal

  --stream         predict what comes on standard input as it comes, for ever: text, CSV rows or raw sound,
                   whatever the network was trained on; nothing else is read
  --reset-on=WHAT  what begins a new sequence: never, line (the end of one) or blank (an empty line)
  --last           only the line of a sequence's last step""",
    "sample": """\
usage: elman sample RUN|CHECKPOINT [--prompt=TEXT] [--count=N] [--temperature=T] [--seed=N] [--key=value ...]

Let a network that was trained on text write on.

  --prompt=TEXT    what it goes on from; the end of a line
  --count=N        characters it writes; 500
  --temperature=T  divides the logits; 0 always takes the likeliest character; 0.8
  --seed=N         another seed writes another text; 1""",
    "credit": """\
usage: elman credit RECIPE ... [--output=FOLDER] [--key=value ...]

Show, a line for each recipe, which steps a loss can change under its strategy.

  --output=FOLDER  draw the credit matrices there, as PNG""",
    "ui": """\
usage: elman ui [--port=N] [--tracking.tracking_uri=URI] [--tracking.experiment=NAME]

Open the dashboard of all runs.""",
}
OVERRIDES = "\nOther options replace values of the recipe; `elman fit --help` lists them."


def run(command: str, words: list[str]) -> int:
    """Run one command of `elman.cli.COMMANDS` with the words that follow it; the exit code."""
    actions: dict[str, Callable[[list[str]], int]] = {
        "fit": fit,
        "crossvalidate": crossvalidate,
        "validate": lambda rest: evaluate("validate", rest),
        "test": lambda rest: evaluate("test", rest),
        "predict": predict,
        "sample": sample,
        "credit": credit,
        "ui": ui,
    }
    if {"-h", "--help"} & set(words):
        print(HELP[command])
        if command in ("fit", "crossvalidate"):
            print_keys()
        elif command != "ui":
            print(OVERRIDES)
        return 0
    if "" not in sys.path:
        sys.path.insert(0, "")  # a recipe may name classes of the working folder
    # What is trained here is nobody else's business.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    return actions[command](words)


def fit(words: list[str]) -> int:
    """`elman fit RECIPE [--resume [RUN]] [--key=value ...]`"""
    from elman.arguments import rewrite
    from elman.launch.job import fit as train
    from elman.launch.recipes import parse

    resume, rest = _resume(words)
    names = [word.partition("=")[0] for word in rewrite(rest)]
    if all(name.startswith("--") and name != "--config" and not name.endswith(".help") for name in names):
        raise BadInput("elman fit needs a recipe: elman fit RECIPE.yaml")
    return train(parse("fit", rest), resume=resume)


def crossvalidate(words: list[str]) -> int:
    """`elman crossvalidate RECIPE --data.split.folds=N [--workers=N] [--key=value ...]`"""
    from elman.launch.crossvalidation import crossvalidate as train_folds

    workers, rest = number(words, "--workers", 1, int, least=1)
    return train_folds(rest, workers=workers)


def print_keys() -> None:
    """Every key of a recipe: what it means, its type and its default."""
    from elman.launch.recipes import make_parser

    text = make_parser("fit").format_help()
    print(text[text.index("  --seed_everything") :], end="")


def evaluate(stage: str, words: list[str]) -> int:
    """`elman validate|test RUN|CHECKPOINT [--key=value ...]`: prints the figures, one a line."""
    import pytorch_lightning as pl

    from elman.launch.job import trained
    from elman.launch.recipes import refuse_targets
    from elman.launch.trainer import prepare_process

    checkpoint, recipe, parts = trained_recipe(stage, words)
    prepare_process(parts.trainer)
    parts.data.prepare_data()
    parts.data.setup(stage)
    loader = parts.data.test_dataloader() if stage == "test" else parts.data.val_dataloader()
    task = trained(checkpoint, recipe, parts.data)
    refuse_targets(task, loader.batch(0))
    trainer = pl.Trainer(
        accelerator=parts.trainer.accelerator,
        devices=1,
        precision=parts.trainer.precision,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    (trainer.test if stage == "test" else trainer.validate)(task, dataloaders=loader, verbose=False)
    for name, value in sorted(trainer.callback_metrics.items()):
        print(f"{name} {float(value):.6f}")
    return 0


def sample(words: list[str]) -> int:
    """`elman sample RUN|CHECKPOINT [--prompt=TEXT] [--count=N] [--temperature=T] [--seed=N]`"""
    from datamodules.texts.symbols import rebuilt
    from elman.launch.job import trained
    from elman.launch.sampling import sample_text

    prompt, words = option(words, "--prompt", "\n")
    count, words = number(words, "--count", 500, int, least=0)
    temperature, words = number(words, "--temperature", 0.8, float, least=0)
    seed, words = number(words, "--seed", 1, int, least=0)
    checkpoint, recipe, parts = trained_recipe("sample", words)
    saved = checkpoint.get(type(parts.data).__qualname__, {})
    symbols = rebuilt(saved)
    if symbols is None:
        raise BadInput(
            "this checkpoint was not trained on text, so it has nothing to write; "
            "`elman predict` shows what it says"
        )
    if checkpoint["elman"]["facts"].get("context_inputs") is not None:
        raise BadInput(
            "this network speaks of a context, which no prompt gives; `elman predict` writes what it says"
        )
    task = trained(checkpoint, recipe, SimpleNamespace(**checkpoint["elman"]["facts"]))
    print(sample_text(task, symbols, prompt=prompt, count=count, temperature=temperature, seed=seed))
    return 0


def credit(words: list[str]) -> int:
    """`elman credit RECIPE ... [--output=FOLDER]`: what each recipe's strategy lets a loss reach."""
    from elman.arguments import rewrite
    from elman.launch.credit_table import credit_table

    output, words = option(words, "--output", "")
    ordered = rewrite(words)
    recipes = [word.removeprefix("--config=") for word in ordered if word.startswith("--config=")]
    if not recipes:
        raise BadInput("elman credit needs at least one recipe: elman credit RECIPE.yaml ...")
    options = [word for word in ordered if not word.startswith("--config=")]
    print(credit_table(recipes, options, folder=Path(output) if output else None))
    return 0


def ui(words: list[str]) -> int:
    """`elman ui [--port=N] [--tracking.tracking_uri=URI] [--tracking.experiment=NAME]`"""
    from elman.tracking.ui import PORT, serve

    port, words = number(words, "--port", PORT, int, least=1)
    uri, words = option(words, "--tracking.tracking_uri", "")
    experiment, words = option(words, "--tracking.experiment", "")
    if words:
        raise BadInput(
            f"elman ui does not take {words[0]!r}; it takes --port, --tracking.tracking_uri, "
            "--tracking.experiment"
        )
    return serve(uri or None, port, experiment=experiment or None)


def _resume(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """(RUN, "" or None, the other words); a recipe after `--resume` is not its RUN."""
    from elman.arguments import rewrite

    found = [w for w in rewrite(words) if w == "--resume" or w.startswith("--resume=")]
    if not found:
        return None, list(words)
    value, rest, given = found[-1].partition("=")[2], [], list(words)
    while given:
        word = given.pop(0)
        if word == "--resume" and value and given and given[0] == value:
            given.pop(0)
        elif word != "--resume" and not word.startswith("--resume="):
            rest.append(word)
    return value, rest
