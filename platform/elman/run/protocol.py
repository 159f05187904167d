"""What processes that start one another agree on, kept apart since it takes no torch to know."""

RUN_VARIABLE = "ELMAN_RUN"
"""The run, in the environment of processes that Lightning's launcher starts for it."""
STARTER_VARIABLE = "ELMAN_STARTER"
"""The id of the process whose launcher it is, beside it."""
SOCKET_VARIABLE = "ELMAN_TRIAL_SOCKET"
RUN_ID_VARIABLE = "ELMAN_TRIAL_RUN"
PRUNED_CODE = 75
"""The exit code of a trial that its search has pruned."""
