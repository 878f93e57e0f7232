"""DermaViz: what a skin-lesion classifier says, looks at, is fooled by, and for whom it fails.

The names below are the public surface, see ``docs/api.md``. Each is imported when it is first used, so ``import dermaviz``
loads neither torch nor Streamlit.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "1.0.0.dev0"

__all__ = [
    "DermaVizError",
    "attack",
    "audit",
    "explain",
    "import_model",
    "load",
    "plots",
    "read_dataset",
    "read_image",
    "report",
]

if TYPE_CHECKING:
    from dermaviz import plots
    from dermaviz.api import attack, audit, explain, import_model, load, read_dataset, report
    from dermaviz.errors import DermaVizError
    from dermaviz.images import read_image

_HOME = {"DermaVizError": "dermaviz.errors", "read_image": "dermaviz.images"}


def __getattr__(name: str) -> Any:
    if name == "plots":
        return import_module("dermaviz.plots")
    if name in __all__:
        return getattr(import_module(_HOME.get(name, "dermaviz.api")), name)
    raise AttributeError(f"module 'dermaviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
