"""Whose code what is stored may name: importing a module runs it."""

from __future__ import annotations

import os
import sys

from elman.errors import BadInput

OWN = ("elman", "datamodules")
HARMLESS = (*OWN, "torch")
"""Packages whose classes anything may name."""

VARIABLE = "ELMAN_TRUST"
"""Environment variable that names further ones, separated by commas, to those who load logged models."""


def trusted_packages(text: str) -> frozenset[str]:
    """The packages that a text names, separated by commas.

    Raises:
        BadInput: if one is no name of a package.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not name.isidentifier():
            raise BadInput(f"packages to trust have names such as my_cells, got {name!r}")
    return frozenset(names)


def refuse_untrusted(module: str) -> None:
    """Refuse to import a module for a logged model, unless it is ours or of a package that is trusted.

    One that is imported already, as where a model is logged after its training, runs nothing more.

    Raises:
        BadInput: with what makes the package trusted.
    """
    root = module.partition(".")[0]
    if (
        root
        and module not in sys.modules
        and root not in {*OWN, *trusted_packages(os.environ.get(VARIABLE, ""))}
    ):
        raise BadInput(
            f"the logged model names code of the package {root!r}, and what is stored may not load it; "
            f"if you trust it, set {VARIABLE}={root}"
        )
