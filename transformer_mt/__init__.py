"""A minimal Transformer translation toolkit: train, translate, inspect the attention.

`from transformer_mt import Translator` is the Python API. `python -m transformer_mt` lists the
commands.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["Score", "Translation", "Translator"]


def __getattr__(name: str) -> Any:
    """Import torch only when it is needed: `--help` answers at once."""
    if name in __all__:
        return getattr(import_module("transformer_mt.translator"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
