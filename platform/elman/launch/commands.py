"""What each command of the front door does."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from elman.errors import BadInput


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
    sys.path.insert(0, "")  # a recipe may name classes of the working folder
    return actions[command](words)


def fit(words: list[str]) -> int:
    """`elman fit RECIPE [--resume [RUN]] [--key=value ...]`"""
    from elman.launch.job import fit as train
    from elman.launch.recipes import parse

    resume, rest = _resume(words)
    return train(parse("fit", rest), resume=resume)


def evaluate(stage: str, words: list[str]) -> int:
    """`elman validate|test RUN|CHECKPOINT [--key=value ...]`: prints the figures, one a line."""
    import pytorch_lightning as pl

    from elman.launch.job import trained
    from elman.launch.trainer import prepare_process

    checkpoint, recipe, parts = _trained_recipe(stage, words)
    prepare_process(parts.trainer)
    parts.data.prepare_data()
    parts.data.setup(stage)
    loader = parts.data.test_dataloader() if stage == "test" else parts.data.val_dataloader()
    task = trained(checkpoint, recipe, parts.data)
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
    writer, first = csv.writer(file), {}  # first: each row's step at the beginning of the batch
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
        raise BadInput("this checkpoint was not trained on text, so it has nothing to write; `elman predict` shows what it says")
    task = trained(checkpoint, recipe, SimpleNamespace(**checkpoint["elman"]["facts"]))
    print(sample_text(task, Alphabet(saved["alphabet"]), prompt=prompt, count=count, temperature=temperature, seed=seed))
    return 0


def credit(words: list[str]) -> int:
    """`elman credit RECIPE ... [--output=FOLDER]`: what each recipe's strategy lets a loss reach."""
    from elman.launch.credit_table import credit_table

    output, words = _option(words, "--output", "")
    recipes = [w for w in words if not w.startswith("--")]
    if not recipes:
        raise BadInput("elman credit needs at least one recipe: elman credit RECIPE.yaml ...")
    print(credit_table(recipes, [w for w in words if w.startswith("--")], folder=Path(output) if output else None))
    return 0


def ui(words: list[str]) -> int:
    """`elman ui [--port=N] [--tracking.tracking_uri=URI] [--tracking.experiment=NAME]`"""
    from elman.tracking.ui import PORT, serve

    port, words = _number(words, "--port", PORT, int, least=1)
    uri, words = _option(words, "--tracking.tracking_uri", "")
    experiment, words = _option(words, "--tracking.experiment", "elman")
    if words:
        raise BadInput(f"elman ui does not take {words[0]!r}; it takes --port, --tracking.tracking_uri, --tracking.experiment")
    return serve(uri or None, port, experiment=experiment)


def _trained_recipe(command: str, words: Sequence[str]) -> tuple[dict[str, Any], Any, Any]:
    """The checkpoint a RUN or CHECKPOINT names, its recipe with the options laid over it, and its classes."""
    from elman.launch.checkpoints import newest, read_checkpoint
    from elman.launch.recipes import parse
    from elman.tracking.find import find_run
    from elman.tracking.store import resolve_uri

    target = next((w for w in words if not w.startswith("-")), None)
    if target is None:
        raise BadInput(f"elman {command} needs a run's id or name, or a checkpoint: elman {command} RUN|CHECKPOINT")
    rest = list(words)
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
    value = found[-1].partition("=")[2]
    rest = [w for w in words if w != "--resume" and not w.startswith("--resume=")]
    if value and value in rest:
        rest.remove(value)
    return value, rest


def _option(words: Sequence[str], name: str, default: str) -> tuple[str, list[str]]:
    """The value of `name=value` or `name value`, and the other words."""
    rest, value = list(words), default
    for index, word in enumerate(rest):
        if word.startswith(name + "="):
            del rest[index]
            return word[len(name) + 1 :], rest
        if word == name:
            if index + 1 == len(rest):
                raise BadInput(f"{name} needs a value")
            value = rest[index + 1]
            del rest[index : index + 2]
            return value, rest
    return value, rest


def _number(words: Sequence[str], name: str, default: Any, kind: type, *, least: float) -> tuple[Any, list[str]]:
    text, rest = _option(words, name, str(default))
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not value >= least:
        raise BadInput(f"{name} must be a number of type {kind.__name__}, at least {least}, got {text!r}")
    return value, rest


def _shown(value: Any, decode: Callable[[Any], str] | None) -> str:
    if value is None:
        return ""
    if value.dim():
        return " ".join(f"{float(v):.6g}" for v in value)
    return decode(value.reshape(1).cpu()) if decode else str(int(value))
