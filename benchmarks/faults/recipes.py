"""What the faults break: small recipes of several kinds of data, and the files that they read."""

from __future__ import annotations

import random
import shutil
import sys
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

TEXT = """\
# Does a run that was stopped end as one that was not?
seed_everything: 1
model:
  core: {{class_path: LSTM, init_args: {{hidden_size: 12, layers: 2, dropout: 0.2}}}}
  bptt: {{class_path: Truncated, init_args: {{k1: 13, k2: 29}}}}
  schedule: {{class_path: Cosine}}
  embedding: 5
  log_every: 2
data: {{class_path: Text, init_args: {{path: text.txt, cache: cache, batch_size: 4, steps: 60}}}}
trainer:
  {{max_time_steps: {steps}, val_every: 15000, checkpoint_every_minutes: 0.005, progress: false, {more}}}
tracking: {{system_metrics: false, flush_seconds: 0.1}}
"""
CAPTIONS = """\
# Does a run on pictures and their captions that was stopped end as one that was not?
seed_everything: 1
model:
  core: {class_path: GRU, init_args: {hidden_size: 24, layers: 2, dropout: 0.2}}
  context_encoder: {class_path: Dense, init_args: {hidden_size: 16}}
  bptt: {class_path: Truncated, init_args: {k1: 3, k2: 5}}
  log_every: 2
data: {class_path: DigitCaptions, init_args: {batching: {batch_size: 16, steps: 4, workers: 2}}}
trainer:
  {max_time_steps: 30000, val_every: 15000, checkpoint_every_minutes: 0.005,
   accelerator: cpu, progress: false}
tracking: {system_metrics: false, flush_seconds: 0.1}
"""
SOUND = """\
# Does a run on sounds that was stopped end as one that was not?
seed_everything: 1
model:
  core: {class_path: GRU, init_args: {hidden_size: 16, layers: 2, dropout: 0.2}}
  bptt: {class_path: Full}
  features: {class_path: LogMel, init_args: {mels: 12}}
  log_every: 2
data: {class_path: Audio, init_args: {path: sounds, batching: {batch_size: 4}}}
trainer:
  {max_time_steps: 30000, val_every: 10000, checkpoint_every_minutes: 0.005,
   accelerator: cpu, progress: false}
tracking: {system_metrics: false, flush_seconds: 0.1}
"""


class Recipe(NamedTuple):
    text: str
    fresh: bool = False  # without a store


def text(steps: int = 60_000, more: str = "accelerator: cpu", **options: bool) -> Recipe:
    return Recipe(TEXT.format(steps=steps, more=more), **options)


RECIPES = {
    "text": text(),
    "torchrun2": text(),
    "long": text(300_000),
    "fresh": text(24_000, fresh=True),
    "bf16": text(30_000, "accelerator: cpu, precision: bf16-mixed"),
    "double": text(30_000, "accelerator: cpu, precision: 64-true"),
    "ranks2": text(30_000, "accelerator: cpu, devices: 2"),
    "ranks4": text(30_000, "accelerator: cpu, devices: 4"),
    "captions": Recipe(CAPTIONS),
    "sound": Recipe(SOUND),
}


_making = threading.Lock()


def prepare(folder: Path, recipe: Recipe) -> None:
    """A folder with a recipe, its data, and a store unless the run has to make it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text(recipe.text)
    words = random.Random(1).choices(["ape", "bee", "cat", "dog", "elk", "fox"], k=20_000)
    (folder / "text.txt").write_text(" ".join(words))
    if "path: sounds" in recipe.text:
        from sound_toys import two_classes

        two_classes(folder / "sounds")
    if not recipe.fresh:
        with _making:
            made = _store(folder.parent)
        shutil.copy(made, folder / "mlflow.db")


@cache
def _store(folder: Path) -> Path:
    """A store with its tables made, which takes seconds."""
    import mlflow

    path = folder / "made.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path
