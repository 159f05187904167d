"""Names of the tags that runs, experiments and data carry. Stores written before must open: none changes."""

from __future__ import annotations

# Of a run.
ATTEMPT_TAG = "elman.attempt"  # how often it was started
BEST_CHECKPOINT_TAG = "elman.best_checkpoint"
CHECKPOINTS_TAG = "elman.checkpoints"  # their folder, on the machine that trained
COMMAND_TAG = "elman.command"
DEVICE_TAG = "elman.device."  # followed by a property of the machine
DIGEST_TAG = "elman.recipe_digest"
DIVERGED_TAG = "diverged_at_step"
FORK_STEP_TAG = "elman.fork_step"  # the time steps of the checkpoint that it went on from
FORK_TAG = "elman.fork_of"  # the run it went on from a checkpoint of, with something changed
FLOOR_TAG = "elman.floor."  # followed by a metric of validation: what a constant answer reaches
GROUP_TAG = "elman.group"  # the digest of the recipe without seed and fold, of every run of it
GIT_DIRTY_TAG = "elman.git_dirty"
JOB_TAG = "elman.job"  # the job of a scheduler that it was started in
GRADIENT_TAG = "elman.gradient"  # by hand, or by autograd and why
KERNEL_TAG = "elman.kernel"  # what evaluates the cells over time
LAST_STEP_TAG = "elman.last_step"
NON_FINITE_TAG = "elman.non_finite_points"
NORMALISER_TAG = "elman.normaliser"
ORIGIN_TAG = "elman.origin"  # the id that a run had before the store gave it one
PROCESS_TAG = "elman.process"  # the process that writes the run, as `process.identity` names it
RECIPE_TAG = "elman.recipe"
RERUN_TAG = "elman.rerun_of"
VERSION_TAG = "elman.version."  # followed by a package

# Of a group of runs, whose parent it is, and of its runs.
MEMBER_TAG = "elman.member"  # which one of its group a run is: "seed 3"
VARIES_TAG = "elman.varies"  # on the parent alone: what its runs differ in: "seed", "fold"

# Of a study and of its trials.
BUDGET_TAG = "elman.budget"
STATE_TAG = "elman.state"  # how a trial ended, in the words of a study: complete, pruned, failed
STORAGE_TAG = "elman.storage"
STUDY_TAG = "elman.study"  # the name of a study, on its own run and on those of its trials
STUDY_ID_TAG = "elman.study_id"  # which study of that name
TRIAL_TAG = "elman.trial"  # the number of a trial, on its run
WHY_TAG = "elman.why"  # a run or a trial has failed or was stopped

# Of an experiment.
OWN_NOTE_TAG = "elman.note"  # the last note that was ours
VIEW_TAG = "mlflow.sharedViewState."  # followed by the name of a view, whose state MLflow keeps in it

# What MLflow reads itself.
BRANCH_TAG = "mlflow.source.git.branch"
COMMIT_TAG = "mlflow.source.git.commit"
CONTEXT_TAG = "mlflow.data.context"  # of a dataset: train
NOTE_TAG = "mlflow.note.content"
PARENT_TAG = "mlflow.parentRunId"
SOURCE_TAG = "mlflow.source.name"
SOURCE_TYPE_TAG = "mlflow.source.type"
USER_TAG = "mlflow.user"
