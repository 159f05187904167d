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
    "search": """\
usage: elman search SEARCH.yaml [--workers=N] [--gpus-per-trial=N] [--storage=URL] [--on=PLACE] [--key=value]

Tune values of a recipe: many trials, each a process and a run of its own, below one run of the study. The
same command goes on with what was stopped, killed or has more budget.

  --workers=N         trials at the same time; as many as this machine has GPUs, or cores
  --gpus-per-trial=N  GPUs of each trial, or a share such as 0.5; 1 where there are GPUs
  --storage=URL       where the study is kept: a path, sqlite:///studies.db or postgresql://USER@HOST/DATABASE,
                      which any number of machines may share; searches/NAME/journal.log
  --on=PLACE          here, or ray: on the cluster that RAY_ADDRESS names

The file's own keys are options: --budget.trials=50 --sampler=GP --pruner=median --name=another. All others
belong to its base recipe: --data.path=my.txt. The keys of a search's file:""",
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
    "runs": """\
usage: elman runs [EXPERIMENT | --all] [--filter=TEXT] [--status=STATE] [--sort=COLUMN] [--limit=N]
                  [--studies] [--columns=A,B] [--format=FORMAT] [--tracking.tracking_uri=URI]
       elman runs prune RUN ... | --filter=TEXT [--tracking.experiment=NAME] [--yes]
       elman runs restore RUN ...

List the runs of an experiment, of that of the newest run where none is named: newest first, trials below
their study. `prune` marks runs as deleted, a study with its trials; `restore` takes the mark away. Both
leave files where they are; what removes them for good is printed.

  --all            runs of all experiments
  --filter=TEXT    in MLflow's language: metrics."val/bits_per_step" < 2 and params.k1 = '20'
  --status=STATE   waiting, running, finished, killed, failed, complete or pruned; several with commas
  --sort=COLUMN    smallest first, of figures the best first; -COLUMN turns it round
  --limit=N        the newest N, or the first N by --sort; 50 in a table, else 0, which is all
  --studies        only studies, without their trials
  --columns=A,B    instead of the usual ones; also params.NAME, metrics.NAME (the last value), tags.NAME
  --format=FORMAT  table, csv or jsonl; table
  --yes            prune without asking""",
    "diff": """\
usage: elman diff RUN RUN [--format=FORMAT] [--tracking.tracking_uri=URI]

Show what differs between two runs: values of the recipe, data, code, versions, machine; and the results of
both, the best value of what is monitored first.

  --format=FORMAT  table or jsonl; table""",
    "rerun": """\
usage: elman rerun RUN [--resume [NEW]] [--key=value ...]

Train a run's recipe once more with as many threads as then, as a new run, and compare the best figures.

  --resume [NEW]   go on with a rerun that was stopped, by id or name""",
    "best": """\
usage: elman best EXPERIMENT [--study=NAME] [--metric=FIGURE] [--top=N] [--output=FILE]
                  [--tracking.tracking_uri=URI]

Name the best trial of an experiment's newest study, or its Pareto front where it has several objectives;
without a study, the best finished run by the best value of what it monitored.

  --study=NAME     another study
  --metric=FIGURE  judge by another figure
  --top=N          also the next ones, N in all; 1
  --output=FILE    write the recipe that trains it once more""",
    "report": """\
usage: elman report EXPERIMENT [--study=NAME] [--output=FILE] [--tracking.tracking_uri=URI]

Write what an experiment's newest study has found as one HTML file that needs nothing else.

  --study=NAME     another study
  --output=FILE    where it goes; report.html""",
    "ui": """\
usage: elman ui [--port=N] [--tracking.tracking_uri=URI] [--tracking.experiment=NAME]

Open the dashboard of all runs.""",
}
OVERRIDES = "\nOther options replace values of the recipe; `elman fit --help` lists them."
OVERRIDDEN = ("validate", "test", "predict", "sample", "credit", "rerun")
