"""Joint statistical genetics on data that must not move."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from mpcgen.api import (
        check_data,
        check_study,
        keygen,
        new_study,
        read_results,
        run,
        run_demo,
        run_local,
    )
    from mpcgen.simulate import simulate_cohort
    from mpcgen.study.plan import Institution

__all__ = [
    "Institution", "check_data", "check_study", "keygen", "new_study", "read_results", "run",
    "run_demo", "run_local", "simulate_cohort",
]  # fmt: skip

_ELSEWHERE = {"Institution": "mpcgen.study.plan", "simulate_cohort": "mpcgen.simulate"}


def __getattr__(name: str) -> Any:
    """The Python interface, imported when first used: `import mpcgen` alone stays light."""
    if name in __all__:
        return getattr(importlib.import_module(_ELSEWHERE.get(name, "mpcgen.api")), name)
    raise AttributeError(f"module 'mpcgen' has no attribute {name!r}")
