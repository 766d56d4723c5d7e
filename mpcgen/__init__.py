"""Joint statistical genetics on data that must not move."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mpcgen.api import check_data, check_study, keygen, read_results, run, run_local

__all__ = ["check_data", "check_study", "keygen", "read_results", "run", "run_local"]


def __getattr__(name: str) -> Any:
    """The Python interface, imported when first used: `import mpcgen` alone stays light."""
    if name in __all__:
        return getattr(importlib.import_module("mpcgen.api"), name)
    raise AttributeError(f"module 'mpcgen' has no attribute {name!r}")
