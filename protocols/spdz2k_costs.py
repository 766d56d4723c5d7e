"""What the engine spdz2k costs (mpcgen.protocols.spdz2k): elements are longer than their rings."""

from collections import Counter
from typing import ClassVar

from mpcgen.abb import DIGEST_BYTES, Seat
from mpcgen.bits import BitRing
from mpcgen.cost import Cost, Costs, Size
from mpcgen.protocols.spdz2k_check import CHECK_BYTES, CHECK_ROUNDS
from mpcgen.protocols.spdz2k_shares import carrier, macs


def receivers(computing: tuple[str, ...], owner: str) -> tuple[str, ...]:
    """To whom an owner sends its masked input."""
    return tuple(p for p in computing if p != owner)


class Spdz2kCosts(Costs):
    """What is opened goes from each computing party to each other, and is checked in the end."""

    known_addend: ClassVar = True

    def __init__(self, seat: Seat):
        self.parties, self.owners, self.computing = seat.parties, seat.owners, seat.computing
        self.dealer = seat.dealer
        self._guests = [p for p in self.parties if p not in self.computing]

    def input(self, b: Size) -> Cost:
        to = [(owner, receivers(self.computing, owner)) for owner in self.owners]
        sent = Counter({self.dealer: len(self.owners) * (_held(b) + _macs(b))})
        for owner, peers in to:
            sent[owner] += len(peers) * _held(b)
            sent.update(dict.fromkeys(peers, (len(peers) - 1) * DIGEST_BYTES))
        return Cost(2 if any(len(peers) > 1 for _, peers in to) else 1, sent)

    def reshare(self, b: Size, f: Size) -> Cost:
        return self._all_to_all(_held(f)) + Cost(0, {self.dealer: _macs(f) + _held(b) + _macs(b)})

    def addends(self, b: Size, f: Size) -> Cost:
        return self.reshare(b, f)

    def open(self, b: Size, of: Size | None = None) -> Cost:
        whole = b if of is None else of
        masks = Size({r: n for r, n in whole.elements.items() if not isinstance(r, BitRing)})
        told = Cost(1, dict.fromkeys(self.computing, len(self._guests) * b.bytes))
        opened = self._checked(_held(b)) + Cost(0, {self.dealer: _macs(masks)})
        return opened + told if self._guests else opened

    def reveal(self, b: Size, to: str) -> Cost:
        opened = self._checked(_held(b)) + Cost(0, {self.dealer: _held(b) + _macs(b)})
        told = Cost(1, dict.fromkeys(self.computing, _held(b)))
        return opened if to in self.computing else opened + told

    def confirm(self) -> Cost:
        compared = dict.fromkeys(self.parties, DIGEST_BYTES * (len(self.parties) - 1))
        return self._check() + Cost(1, compared)

    def _checked(self, opened: int) -> Cost:
        """So many bytes opened among those who compute, a check before and one after."""
        return self._check() + self._all_to_all(opened) + self._check()

    def _check(self) -> Cost:
        each = CHECK_BYTES * (len(self.computing) - 1)
        return Cost(CHECK_ROUNDS, dict.fromkeys(self.computing, each))

    def _all_to_all(self, length: int) -> Cost:
        return Cost(1, dict.fromkeys(self.computing, length * (len(self.computing) - 1)))


def _held(size: Size) -> int:
    """Bytes of shares of values."""
    return sum(n * carrier(ring).size for ring, n in size.elements.items())


def _macs(size: Size) -> int:
    """Bytes of shares of their MACs."""
    return sum(n * macs(ring).size for ring, n in size.elements.items())
