"""The leakage manifest: what a plan releases, line by line, and nothing else."""

from collections.abc import Iterable
from dataclasses import dataclass

from mpcgen.errors import NotInManifest


@dataclass(frozen=True)
class Opening:
    """One line of the leakage manifest: who may learn which values.

    Attributes:
        k: bits of a value.
        shape: how many of them, where nothing is withheld.
        where: label of the bits, opened before, that say which rows are opened.
    """

    label: str
    k: int
    shape: tuple[int, ...]
    to: tuple[str, ...]
    where: str | None = None


class Leakage:
    """The leakage manifest of a plan, held and enforced by every party.

    Each line may be opened once; whatever is not a line is refused.
    """

    def __init__(self, openings: Iterable[Opening]):
        self._allowed = {opening.label: opening for opening in openings}
        self.opened: list[Opening] = []

    def spend(self, asked: Opening) -> None:
        """Strike out the line that allows this opening.

        Raises:
            NotInManifest: no line of the manifest allows it, or it was used before.
        """
        if self._allowed.pop(asked.label, None) != asked:
            raise NotInManifest(f"the plan does not release {asked}")
        self.opened.append(asked)
