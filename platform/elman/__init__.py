"""elman: recurrent networks and back-propagation through time, tracked.

`from elman import GRU` looks through the rooms below, the cheapest to import first; `import elman` alone
imports none of them. What is public is what they have in their `__all__`.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_ROOMS = ("errors", "batch", "cores", "bptt", "inputs", "tasks", "diagnostics")


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return [public for room in _ROOMS for public in import_module(f"{__name__}.{room}").__all__]
    if name[:1].isupper():  # a class; other names are those of rooms, which the import system finds
        for room in _ROOMS:
            module = import_module(f"{__name__}.{room}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__getattr__("__all__")]
