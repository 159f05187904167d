"""Checks that every core makes, of its arguments and of its carry."""

from __future__ import annotations

import math
from collections.abc import Sequence

from elman.tree import Carry

MOST_LAYERS = 10_000  # which take a second to build; a million would take minutes without a word


def check_rows(carry: Carry, row_count: int) -> None:
    """Refuse a carry of other rows than those of the window that it begins.

    Raises:
        ValueError: if they are.
    """
    if carry[0].shape[0] != row_count:
        raise ValueError(
            f"carry holds {carry[0].shape[0]} rows but x holds {row_count}; reset the carry or set drop_last"
        )


def check_sizes(*, input_size: int, hidden_size: int, layers: int, dropout: float) -> None:
    """Refuse sizes no network can have.

    Raises:
        ValueError: if a size is below 1, `dropout` outside [0, 1), or there are too many layers.
    """
    for name, value, what in (
        ("input_size", input_size, "features of a step"),
        ("hidden_size", hidden_size, "units of a layer"),
        ("layers", layers, "layers"),
    ):
        if value < 1:
            raise ValueError(f"{name} counts {what} and must be at least 1, got {name}={value}")
    check_layers(layers)
    if not 0 <= dropout < 1:
        raise ValueError(
            f"dropout is the share of units dropped between layers and needs 0 <= dropout < 1, "
            f"got dropout={dropout}; 0 turns it off"
        )


def check_share(**named: float) -> None:
    """Refuse a share of noise outside [0, 1).

    Raises:
        ValueError: if it is.
    """
    for name, share in named.items():
        if not 0 <= share < 1:
            raise ValueError(
                f"{name} is a share and needs 0 <= {name} < 1, got {name}={share}; 0 turns it off"
            )


def check_layers(layers: int) -> None:
    """Refuse more layers than anybody waits for.

    Raises:
        ValueError: if there are too many.
    """
    if layers > MOST_LAYERS:
        raise ValueError(
            f"layers counts layers over one another and must be at most {MOST_LAYERS:,}, got "
            f"layers={layers:,}"
        )


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Refuse a value that is not one of `choices`.

    Raises:
        ValueError: if it is not.
    """
    if value not in choices:
        listed = ", ".join(repr(choice) for choice in choices[:-1]) + f" or {choices[-1]!r}"
        raise ValueError(f"{name} must be {listed}, got {value!r}")


def check_bias(name: str, value: float | None) -> None:
    """Refuse a bias that is neither a finite number nor None.

    Raises:
        ValueError: if it is infinite or not a number.
    """
    if value is not None and not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, got {name}={value}; null leaves it to init")


def check_chrono(steps: int | None, forget_bias: float | None) -> None:
    """Refuse a longest dependency from which no bias can be drawn, or one beside a bias that is given.

    Raises:
        ValueError: if it is below 3, or `forget_bias` is neither 1, as without being given, nor None.
    """
    if steps is None:
        return
    if steps < 3:
        raise ValueError(
            f"chrono_steps is the longest dependency and must be at least 3, got chrono_steps={steps}; "
            f"null leaves the biases to forget_bias"
        )
    if forget_bias not in (1.0, None):
        raise ValueError(
            f"forget_bias={forget_bias} and chrono_steps={steps} both give the forget gate its first bias; "
            f"leave one out"
        )


def check_dropped_weights(
    cell: str, share: float, weights: Sequence[str], kernel: str, available: Sequence[str]
) -> None:
    """Refuse to drop recurrent weights that are not there, or that the kernel keeps for itself.

    Raises:
        ValueError: if so.
    """
    if "weight_hh" not in weights:
        raise ValueError(
            f"weight_dropout={share} drops recurrent weights, which {cell} does not have; leave it out"
        )
    if kernel == "fused":
        others = [other for other in available if other != "fused"]
        raise ValueError(
            f"kernel=fused runs torch's module, whose weights weight_dropout={share} cannot drop; "
            f"set kernel: {', '.join(['auto', *others[:-1]])} or {others[-1]}"
        )
