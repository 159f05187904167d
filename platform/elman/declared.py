"""Constructors out of declared arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, dataclass_transform, get_type_hints

from torch import nn


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
class Declared(nn.Module):
    """A module whose constructor takes the names annotated in its body and in those of its bases, by keyword.

    `dataclasses` writes that constructor; it sets the arguments and calls `__post_init__`, which checks
    them and builds the rest. What is annotated and no argument is `field(init=False)` or a `ClassVar`. A
    class that writes a constructor itself keeps its own.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclass(kw_only=True, eq=False, repr=False)(cls)
        if constructor := vars(cls).get("__init__"):
            # Types, where postponed annotations are text that only the module they stand in can read.
            hints, annotations = get_type_hints(cls), constructor.__annotations__
            annotations.update((name, hints[name]) for name in annotations.keys() & hints.keys())

    def __post_init__(self) -> None:
        nn.Module.__init__(self)
