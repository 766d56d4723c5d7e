"""Everything that mpcgen raises on purpose.

    MpcgenError
    ├── InputError            a file, a line or a value from outside is wrong
    │   ├── PlanError         ... in the study plan
    │   │   ├── NotPermitted  ... which breaks an institution's policy
    │   │   └── Differenced   ... which tells too much beside what was released before
    │   ├── LedgerError       ... in an institution's ledger of releases
    │   ├── ConfigError       ... in an institution's private configuration
    │   └── ApprovalError     ... in what a steward has signed, or nobody has signed it
    ├── RangeError            a number could leave, or has left, the range that was proved for it
    ├── TransportError        the network, or a peer on it
    │   ├── PortTaken         another process listens where this party should
    │   ├── PartyTimeout      a party did not come, or did not answer, in time
    │   ├── PartyLost         a party's connection ended in the middle of a session
    │   └── BadMessage        a frame that breaks the rules: length, label, counter, sender
    ├── Nonconformance        an engine does not do what every engine must
    └── Abort                 a check failed; nothing further is opened
        ├── PartyStopped      another party stopped, and has said why
        ├── Refused           the parties do not agree on what to run
        └── NotInManifest     somebody asked to open what the plan does not release

Only the command line prints these and exits; errors of the system it puts into words (`told`).
"""

import errno
from pathlib import Path
from typing import Final

_REASONS: Final = {
    errno.ENOENT: "there is no such file or folder",
    errno.EISDIR: "this is a folder; a file is wanted",
    errno.ENOTDIR: "a folder on the way to it is a file",
    errno.EEXIST: "something of this name is there already",
    errno.ELOOP: "this link leads in a circle; name the file itself",
    errno.EACCES: "this user has no permission; see `ls -l`",
    errno.ENOSPC: "the disk is full",
    errno.ENAMETOOLONG: "the name is too long",
}


def reason(error: OSError) -> str:
    """Why the system refused, in words, without the path."""
    return _REASONS.get(error.errno or 0, error.strerror or str(error))


def told(error: "MpcgenError | OSError") -> str:
    """An error as a command tells it."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {reason(error)}"
    return str(error)


class MpcgenError(Exception):
    """Root of all errors raised on purpose.

    Attributes:
        again: whether the same may succeed at another time, with nothing changed.
    """

    again = False


class InputError(MpcgenError):
    """A file, a line or a value from outside is wrong.

    The message names the file and, where there is one, the line, then what would be right.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None):
        self.path = None if path is None else Path(path)
        self.line = line
        place = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(place + message)


class PlanError(InputError):
    """The study plan is wrong, or asks for what cannot be done."""


class NotPermitted(PlanError):
    """The study plan breaks an institution's policy."""


class Differenced(PlanError):
    """What the study plan opens tells too much beside what was released before."""


class LedgerError(InputError):
    """An institution's ledger of releases is broken, or another one than it should be."""


class ConfigError(InputError):
    """An institution's private configuration is wrong."""


class ApprovalError(InputError):
    """A steward's signed decision is missing, does not hold, or says no."""


class RangeError(MpcgenError):
    """A number could leave, or has left, the range that was proved for it."""


class TransportError(MpcgenError):
    """The network, or a peer on it, failed."""

    again = True


class PortTaken(TransportError):
    """Another process listens where this party should."""


class PartyTimeout(TransportError):
    """A party did not come, or did not answer, in time."""


class PartyLost(TransportError):
    """A party's connection ended in the middle of a session."""


class BadMessage(TransportError):
    """A frame that breaks the rules: its length, label, counter, session or sender."""

    again = False


class Nonconformance(MpcgenError):
    """An engine does not do what every engine must (see mpcgen.conformance)."""


class Abort(MpcgenError):
    """A check failed; nothing further is opened."""

    def __init__(self, message: str = "", *, again: bool = False):
        self.again = again
        super().__init__(message)


class PartyStopped(Abort):
    """Another party stopped, and has said why; some reasons pass."""


class Refused(Abort):
    """The parties do not agree on what to run; nothing was shared."""


class NotInManifest(Abort):
    """Somebody asked to open what the plan does not release."""
