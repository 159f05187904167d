"""Commands that use a trained network: `elman validate`, `elman test` and `elman sample`."""

from __future__ import annotations

from types import SimpleNamespace

from elman.commands.options import number, option
from elman.errors import BadInput
from elman.run.trained import trained_recipe


def validate(words: list[str]) -> int:
    """`elman validate RUN|CHECKPOINT [--key=value ...]`"""
    return evaluate("validate", words)


def test(words: list[str]) -> int:
    """`elman test RUN|CHECKPOINT [--key=value ...]`"""
    return evaluate("test", words)


def evaluate(stage: str, words: list[str]) -> int:
    """`elman validate|test RUN|CHECKPOINT [--key=value ...]`: prints the figures, one a line."""
    import pytorch_lightning as pl

    from elman.captions.scores import caption_scores
    from elman.recipes.recipe import refuse_targets
    from elman.run.trained import trained
    from elman.run.trainer import prepare_process

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
        callbacks=[*caption_scores(parts.data, beam_width=parts.model.beam_width)],
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
    from datamodules.texts.tokens import tokens_from
    from elman.predict.sampling import sample_text
    from elman.run.trained import trained

    prompt, words = option(words, "--prompt", "\n")
    count, words = number(words, "--count", 500, int, least=0)
    temperature, words = number(words, "--temperature", 0.8, float, least=0)
    seed, words = number(words, "--seed", 1, int, least=0)
    checkpoint, recipe, parts = trained_recipe("sample", words)
    saved = checkpoint.get(type(parts.data).__qualname__, {})
    symbols = tokens_from(saved)
    if symbols is None:
        raise BadInput(
            "this checkpoint was not trained on text, so it has nothing to write; "
            "`elman predict` shows what it says"
        )
    if checkpoint["elman"]["metadata"].get("context_size") is not None:
        raise BadInput(
            "this network speaks of a context, which no prompt gives; `elman predict` writes what it says"
        )
    task = trained(checkpoint, recipe, SimpleNamespace(**checkpoint["elman"]["metadata"]))
    print(sample_text(task, symbols, prompt=prompt, count=count, temperature=temperature, seed=seed))
    return 0
