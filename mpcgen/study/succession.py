"""A plan that takes the place of another, without an institution that has withdrawn.

Its text is the old one's, comments and all, but for what has to change; all others sign it anew.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from mpcgen.errors import InputError, MpcgenError
from mpcgen.study.load import load_study
from mpcgen.study.plan import Plan
from mpcgen.study.read import read_plan
from mpcgen.study.study import Study
from mpcgen.study.toml import line_of
from mpcgen.study.write import write_new

_HEADER = re.compile(r"\s*\[")
_NOTHING = re.compile(r"\s*(#.*)?")


def succeed(old: Path, new: Path, without: str, computing: Sequence[str] = ()) -> Study:
    """Write the plan that follows another one, without one of its institutions.

    Args:
        new: a new file beside the old plan.
        computing: who computes; by default those who did, without that institution.

    Returns:
        The new study.

    Raises:
        InputError: the new plan exists, or is elsewhere.
        PlanError: the old plan is wrong, or has no such institution; or what is left is no plan.
            Nothing is left behind.
    """
    plan = read_plan(old)
    plan.institution(without)
    if not new.parent.is_dir() or not new.parent.samefile(old.parent):
        raise InputError(f"the new plan stands beside the old one, in {old.parent}", path=new)
    write_new(new, _text(plan, without, computing))
    try:
        study = load_study(new)
        _check(plan, study.plan, without)
    except (MpcgenError, OSError) as error:
        new.unlink()
        if isinstance(error, MpcgenError):
            raise plan.fail(
                f"no plan follows by leaving {without} out alone, and {new.name} is not written. "
                f'As it would be: {error}. Write it by hand, with follows = "{plan.sha256}" '
                "under [study]"
            ) from None
        raise
    return study


def _text(plan: Plan, without: str, computing: Sequence[str]) -> str:
    lines = plan.document.text.split("\n")
    left = [name for name in plan.computing if name != without]
    if computing or without in plan.computing:
        chosen = json.dumps(list(computing) or left)
        lines = _with(lines, ("engine", "computing"), f"computing = {chosen}")
    lines = _with(lines, ("study", "follows"), f'follows = "{plan.sha256}"', ("study", "id"))
    number = plan.names.index(without)
    begin = _line(lines, ("institutions", number))
    return "\n".join(lines[:begin] + lines[_end(lines, begin) :])


def _with(
    lines: list[str], place: tuple[str, str], line: str, after: tuple[str, str] | None = None
) -> list[str]:
    """The lines with a key's value replaced; or added after another key, where it is absent."""
    begin = _line(lines, place)
    if not re.match(rf"\s*{place[1]}\s*=", lines[begin]):
        if after is None:
            return lines
        begin = _line(lines, after) + 1
        return [*lines[:begin], line, *lines[begin:]]
    end = begin + 1
    while "[" in line and "]" not in "".join(lines[begin:end]):
        end += 1
    return [*lines[:begin], line, *lines[end:]]


def _line(lines: list[str], place: tuple[str | int, ...]) -> int:
    """The index of the line on which a place of the plan begins."""
    return (line_of("\n".join(lines), place) or 1) - 1


def _end(lines: list[str], begin: int) -> int:
    """Where a table ends: before the next one, and before what is written above that."""
    end = begin + 1
    while end < len(lines) and not _HEADER.match(lines[end]):
        end += 1
    while end < len(lines) and _NOTHING.fullmatch(lines[end - 1]):
        end -= 1
    return end


def _check(old: Plan, new: Plan, without: str) -> None:
    """Refuse a text that did not become what it should."""
    names = tuple(name for name in old.names if name != without)
    if (new.names, new.follows, new.id) != (names, old.sha256, old.id):
        raise new.fail("the old plan is written in a way that is not understood; write it by hand")
