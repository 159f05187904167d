"""The metrics of a trained network on one part of its data."""

from __future__ import annotations


def evaluate(stage: str, words: list[str], *, trust: str) -> int:
    """Print the metrics, one a line.

    Args:
        stage: validate or test.
        words: RUN|CHECKPOINT and options of its recipe.
        trust: packages, separated by commas, whose classes its recipe may name.
    """
    import pytorch_lightning as pl

    from elman.captions.scores import caption_scores
    from elman.recipes.recipe import refuse_targets
    from elman.run.trained import trained, trained_recipe
    from elman.run.trainer import prepare_process

    checkpoint, recipe, parts = trained_recipe(stage, words, trust=trust)
    prepare_process(parts.trainer)
    parts.data.prepare_data()
    parts.data.setup(stage)
    loader = parts.data.test_dataloader() if stage == "test" else parts.data.val_dataloader()
    task = trained(checkpoint, recipe, parts.data)
    if parts.trainer.precision != "64-true":  # to which Lightning widens, but does not narrow
        task = task.float()
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
