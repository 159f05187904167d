"""What each command of the front door does."""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from elman.errors import BadInput

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
    "validate": """\
usage: elman validate RUN|CHECKPOINT [--key=value ...]

Score a run's best checkpoint, or the checkpoint named, on the validation data; one figure a line.""",
    "test": """\
usage: elman test RUN|CHECKPOINT [--key=value ...]

Score a run's best checkpoint, or the checkpoint named, on the test data; one figure a line.""",
    "predict": """\
usage: elman predict RUN|CHECKPOINT [--part=test] [--output=FILE] [--key=value ...]

Write what the network says: CSV with a line for each row and step.

  --part=PART      train (its first batch), val or test; test
  --output=FILE    where the CSV goes; the terminal""",
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

LARGEST = 2**63  # what a seed or a count of torch cannot reach


def run(command: str, words: list[str]) -> int:
    """Run one command of `elman.cli.COMMANDS` with the words that follow it; the exit code."""
    actions: dict[str, Callable[[list[str]], int]] = {
        "fit": fit,
        "validate": lambda rest: evaluate("validate", rest),
        "test": lambda rest: evaluate("test", rest),
        "predict": predict,
        "sample": sample,
        "credit": credit,
        "ui": ui,
    }
    if {"-h", "--help"} & set(words):
        print(HELP[command])
        if command == "fit":
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

    checkpoint, recipe, parts = _trained_recipe(stage, words)
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


def predict(words: list[str]) -> int:
    """`elman predict RUN|CHECKPOINT [--part=val] [--output=FILE]`: one CSV line a row and step."""
    import torch

    from elman.launch.job import trained
    from elman.launch.trainer import prepare_process

    part, words = _option(words, "--part", "test")
    output, words = _option(words, "--output", "-")
    if part not in ("train", "val", "test"):
        raise BadInput(f"--part must be train, val or test, got {part!r}")
    checkpoint, recipe, parts = _trained_recipe("predict", words)
    prepare_process(parts.trainer)
    parts.data.prepare_data()
    parts.data.setup("predict")
    task = trained(checkpoint, recipe, parts.data)
    task.on_predict_epoch_start()
    loader = getattr(parts.data, f"{part}_dataloader")()
    batches = range(len(loader)) if part != "train" else range(1)
    decode = parts.data.alphabet.decode if hasattr(parts.data, "alphabet") else None
    try:
        file = sys.stdout if output == "-" else open(output, "w", newline="", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise BadInput(f"--output={output} cannot be written: {error.strerror}") from error
    writer = csv.writer(file, lineterminator="\n")
    first: dict[int, int] = {}  # each row's step at the beginning of the batch
    writer.writerow(["row", "step", "scored", "target", "prediction"])
    with torch.no_grad():
        for index in batches:
            batch, said = task.predict_step(loader.batch(index), index)
            for row in range(len(batch.x)):
                begin = 0 if bool(batch.is_first[row]) else first.get(row, 0)
                count = int(batch.lengths[row])
                for step in range(count):
                    target = None if batch.y is None else batch.y[row, step]
                    shown = [_shown(value, decode) for value in (target, said[row, step])]
                    writer.writerow([row, begin + step, int(batch.scored[row, step]), *shown])
                first[row] = begin + count
    if file is not sys.stdout:
        file.close()
        print(f"wrote {output}")
    return 0


def sample(words: list[str]) -> int:
    """`elman sample RUN|CHECKPOINT [--prompt=TEXT] [--count=N] [--temperature=T] [--seed=N]`"""
    from datamodules.alphabet import Alphabet
    from elman.launch.job import trained
    from elman.launch.sampling import sample_text

    prompt, words = _option(words, "--prompt", "\n")
    count, words = _number(words, "--count", 500, int, least=0)
    temperature, words = _number(words, "--temperature", 0.8, float, least=0)
    seed, words = _number(words, "--seed", 1, int, least=0)
    checkpoint, recipe, parts = _trained_recipe("sample", words)
    saved = checkpoint.get(type(parts.data).__qualname__, {})
    if not isinstance(saved.get("alphabet"), str):
        raise BadInput(
            "this checkpoint was not trained on text, so it has nothing to write; "
            "`elman predict` shows what it says"
        )
    task = trained(checkpoint, recipe, SimpleNamespace(**checkpoint["elman"]["facts"]))
    print(
        sample_text(
            task, Alphabet(saved["alphabet"]), prompt=prompt, count=count, temperature=temperature, seed=seed
        )
    )
    return 0


def credit(words: list[str]) -> int:
    """`elman credit RECIPE ... [--output=FOLDER]`: what each recipe's strategy lets a loss reach."""
    from elman.arguments import rewrite
    from elman.launch.credit_table import credit_table

    output, words = _option(words, "--output", "")
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

    port, words = _number(words, "--port", PORT, int, least=1)
    uri, words = _option(words, "--tracking.tracking_uri", "")
    experiment, words = _option(words, "--tracking.experiment", "")
    if words:
        raise BadInput(
            f"elman ui does not take {words[0]!r}; it takes --port, --tracking.tracking_uri, "
            "--tracking.experiment"
        )
    return serve(uri or None, port, experiment=experiment or None)


def _trained_recipe(command: str, words: Sequence[str]) -> tuple[dict[str, Any], Any, Any]:
    """The checkpoint a RUN or CHECKPOINT names, its recipe with the options laid over it, and its classes."""
    from elman.arguments import rewrite
    from elman.launch.checkpoints import newest, read_checkpoint
    from elman.launch.recipes import parse
    from elman.tracking.find import find_run
    from elman.tracking.store import resolve_uri

    rest = rewrite(words)
    target = next((word for word in rest if not word.startswith("--")), None)
    if target is None:
        raise BadInput(
            f"elman {command} needs a run's id or name, or a checkpoint: elman {command} RUN|CHECKPOINT"
        )
    rest.remove(target)
    path = Path(target)
    if path.suffix != ".ckpt" and not path.exists():
        uri = next((w.partition("=")[2] for w in rest if w.startswith("--tracking.tracking_uri=")), None)
        run = find_run(resolve_uri(uri), target)
        folder = Path(run.checkpoints or "")
        path = folder / "best.ckpt" if (folder / "best.ckpt").is_file() else newest(folder)
    checkpoint = read_checkpoint(path)
    recipe = parse(command, rest, base=(f"{path}: its recipe", checkpoint["elman"]["recipe"]))
    parts = recipe.classes()
    parts.data.load_state_dict(checkpoint.get(type(parts.data).__qualname__, {}))
    return checkpoint, recipe, parts


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


def _option(words: Sequence[str], name: str, default: str) -> tuple[str, list[str]]:
    """The value of `name=value` or `name value`, and the other words."""
    rest, value = list(words), default
    for index, word in enumerate(rest):
        if word.startswith(name + "="):
            del rest[index]
            return word[len(name) + 1 :], rest
        if word == name:
            if index + 1 == len(rest) or rest[index + 1].startswith("--"):
                raise BadInput(f"{name} needs a value: {name}=VALUE")
            value = rest[index + 1]
            del rest[index : index + 2]
            return value, rest
    return value, rest


def _number(
    words: Sequence[str], name: str, default: Any, kind: type, *, least: float
) -> tuple[Any, list[str]]:
    text, rest = _option(words, name, str(default))
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value < LARGEST:
        raise BadInput(f"{name} must be a number of type {kind.__name__}, at least {least}, got {text!r}")
    return value, rest


def _shown(value: Any, decode: Callable[[Any], str] | None) -> str:
    if value is None:
        return ""
    if value.dim():
        return " ".join(f"{float(v):.6g}" for v in value)
    return decode(value.reshape(1).cpu()) if decode else str(int(value))
