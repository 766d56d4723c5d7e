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
    from mpcgen.api_approvals import (
        approve_study,
        consent_study,
        identity,
        receive_decision,
        reject_study,
        show_study,
        study_status,
        succeed_study,
        withdraw_study,
    )
    from mpcgen.simulate import simulate_cohort
    from mpcgen.study.plan import Institution

_APPROVALS = (
    "approve_study", "consent_study", "identity", "receive_decision", "reject_study", "show_study",
    "study_status", "succeed_study", "withdraw_study",
)  # fmt: skip
__all__ = [
    "Institution", "approve_study", "check_data", "check_study", "consent_study", "identity",
    "keygen", "new_study", "read_results", "receive_decision", "reject_study", "run", "run_demo",
    "run_local", "show_study", "simulate_cohort", "study_status", "succeed_study", "withdraw_study",
]  # fmt: skip

_ELSEWHERE = {
    "Institution": "mpcgen.study.plan",
    "simulate_cohort": "mpcgen.simulate",
    **dict.fromkeys(_APPROVALS, "mpcgen.api_approvals"),
}


def __getattr__(name: str) -> Any:
    """The Python interface, imported when first used: `import mpcgen` alone stays light."""
    if name in __all__:
        return getattr(importlib.import_module(_ELSEWHERE.get(name, "mpcgen.api")), name)
    raise AttributeError(f"module 'mpcgen' has no attribute {name!r}")
