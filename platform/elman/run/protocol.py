"""What a search and the processes of its trials agree on, kept apart since it takes no torch to know."""

SOCKET_VARIABLE = "ELMAN_TRIAL_SOCKET"
RUN_ID_VARIABLE = "ELMAN_TRIAL_RUN"
PRUNED_CODE = 75
"""The exit code of a trial that its search has pruned."""
