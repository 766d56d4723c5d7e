"""What a box asks of whoever keeps its openings, so that a session that broke off can be resumed.

An opening of the manifest is kept in three steps: this party's shares of it, before anybody is sent
any; that all parties have kept theirs, before this one sends its own; the values, once known. So
whoever has sent a share knows that all have kept theirs, and what was sent once is only sent again.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from mpcgen.ring import Array
from mpcgen.secret import Secret, Sized

TOKEN_BYTES = 32


class Keeper(Protocol):
    """Keeps one party's openings, in the order of the run."""

    def given(self, label: str, values: bytes) -> None:
        """Note what this party is about to share.

        Raises:
            Refused: in an earlier session it gave something else under this label.
        """
        ...

    def answer(self, like: Sequence[Sized]) -> list[Array] | None:
        """The values of the next opening, where all parties know them; None: it is to be opened."""
        ...

    def prepare(self, secrets: Sequence[Secret]) -> list[Secret]:
        """Keep this party's shares, or give back those that were kept; then it is ready."""
        ...

    @property
    def token(self) -> bytes:
        """What it tells the others when it is ready: a commitment to what it gave, TOKEN_BYTES."""
        ...

    def all_ready(self, tokens: Mapping[str, bytes]) -> None:
        """Keep that every other party is ready; from now on shares are sent.

        Raises:
            Abort: a party gave something else than in an earlier session.
        """
        ...

    def opened(self, values: bytes) -> None:
        """Keep the canonical bytes of what was opened."""
        ...
