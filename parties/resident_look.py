"""Whether a study may run here: it is whole, within the institution's policy, and approved by all.

A child process of a resident party asks this, so that whatever lies in the folder is read there.
What it says is of the plan, the policy and the approvals, and of nobody's data.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from mpcgen.audit.approvals import APPROVE
from mpcgen.errors import InputError, MpcgenError, told
from mpcgen.parties.approvals import standings
from mpcgen.parties.resident_folder import StudyFolder
from mpcgen.parties.resident_status import State, Status
from mpcgen.study.institution import InstitutionConfig, read_config
from mpcgen.study.load import load_study
from mpcgen.study.policy_check import check_policy
from mpcgen.study.study import Study


def look(folder: Path, config: Path) -> Status:
    """How a study's folder stands.

    Args:
        config: the institution's configuration.
    """
    try:
        own = read_config(config)
    except MpcgenError as error:
        return Status(State.INCOMPLETE, because=(str(error),))
    if (link := _link_in(folder)) is not None:
        words = f"{link} is a link; the files of a study are in its folder themselves"
        return Status(State.INCOMPLETE, because=(words,))
    try:
        study = load_study(StudyFolder(folder).plan)
    except (MpcgenError, OSError) as error:
        return Status(State.INCOMPLETE, because=(told(error),))
    state, because = _judged(study, own)
    return Status(state, study.plan.id, study.plan.sha256, because)


def _link_in(folder: Path) -> Path | None:
    """A link somewhere in a folder.

    It may lead to a file of the institution's own, and an error about a file quotes it.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if (path := Path(place, name)).is_symlink():
                return path.relative_to(folder)
    return None


def _judged(study: Study, own: InstitutionConfig) -> tuple[State, tuple[str, ...]]:
    plan = study.plan
    if own.name not in plan.names:
        return State.REFUSED, (f"{own.name} is not in the plan",)
    if own.policy is not None:
        violations = check_policy(own.policy, study, datetime.now(UTC).date())
        if violations:
            return State.REFUSED, tuple(map(str, violations))
    try:
        stand = standings(plan)
    except InputError as error:  # the plan has no identities
        return State.REFUSED, (str(error),)
    problems = tuple(f"{s.institution}: {s.problem}" for s in stand if s.problem)
    if any(s.problem and s.statement and s.statement.decision != APPROVE for s in stand):
        return State.REFUSED, problems
    return (State.WAITING, problems) if problems else (State.APPROVED, ())
