"""What each command says of itself."""

from __future__ import annotations

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
OVERRIDDEN = ("validate", "test", "predict", "sample", "credit")
