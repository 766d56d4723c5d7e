"""CrypTen 0.4.1 as one party: its protocols, with this project's transport and randomness.

Knott et al., CrypTen: Secure Multi-Party Computation Meets Machine Learning, NeurIPS 2021. What is
CrypTen's: products by Beaver's protocol (its MPCTensor, BinarySharedTensor and, for triples, the
trusted first party: the first computing party draws them all), and what it builds of these. What is
not:

    messages     its communicator is a `Party`, whose one verb is the session's exchange. Elements
                 travel in as many bytes as their ring has, since a sum modulo 2^64 is also one
                 modulo 2^k; objects, which CrypTen would pickle, do not travel at all
    randomness   every mask that CrypTen draws comes from `prg`, not from torch.Generator
    state        CrypTen keeps a party in variables of the module; here it is the thread's

The only module that imports torch.
"""

import math
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from operator import add, xor
from types import ModuleType
from typing import Any, NoReturn, Self

import numpy as np
import torch

from mpcgen.abb import Exchange
from mpcgen.bits import BitRing
from mpcgen.prg import Prg
from mpcgen.ring import Z2_64, Array, Ring

WORD = Z2_64.size  # bytes of CrypTen's elements
_CPU = torch.device("cpu")
_here = threading.local()


def _crypten() -> Any:
    """The package, less its ONNX importer, which asks for a module that torch has moved."""
    stub = ModuleType("crypten.nn.onnx_converter")
    for name in ("from_onnx", "from_pytorch", "from_tensorflow", "TF_AND_TF2ONNX"):
        setattr(stub, name, None)
    sys.modules.setdefault(stub.__name__, stub)
    import crypten  # noqa: PLC0415

    return crypten


class _Stream:
    """What CrypTen takes for a generator: a key from which each draw takes a domain of its own."""

    def __init__(self, key: Prg):
        self._key, self._drawn = key, 0

    def draw(self, shape: tuple[int, ...]) -> torch.Tensor:
        self._drawn += 1
        words = self._key.draw(Z2_64, shape, "crypten", self._drawn)
        return torch.from_numpy(words.view(np.int64).copy())


class _Streams:
    """In place of crypten.generators: those of the thread's party."""

    def __getitem__(self, name: str) -> dict[torch.device, _Stream]:
        stream: _Stream = _here.party.streams[name]
        return {_CPU: stream}


def _draw(
    size: Sequence[int],
    ring_size: int = 1 << 64,
    generator: _Stream | None = None,
    device: object = None,
) -> torch.Tensor:
    """In place of crypten.common.rng.generate_random_ring_element."""
    del device
    if ring_size != 1 << 64:
        raise ValueError(f"CrypTen asks for elements modulo {ring_size}")
    return (generator or _Streams()["local"][_CPU]).draw(tuple(size))


def _draw_bits(
    size: Sequence[int],
    bitlength: int | None = None,
    generator: _Stream | None = None,
    device: object = None,
) -> torch.Tensor:
    """In place of crypten.common.rng.generate_kbit_random_tensor."""
    words = _draw(size, generator=generator, device=device)
    return words if bitlength in (None, 64) else words & ((1 << bitlength) - 1)


class Party:
    """CrypTen's communicator of one computing party, and its generators.

    Args:
        computing: all computing parties, this one among them.
        keys: "prev" and "next", shared with the party before and after; "local", its own.
    """

    BYTES_PER_ELEMENT = WORD

    def __init__(self, exchange: Exchange, me: str, computing: Sequence[str], keys: dict[str, Prg]):
        self.me, self.computing, self._exchange = me, computing, exchange.exchange
        self.streams = {name: _Stream(key) for name, key in keys.items()}
        self._label, self._rounds = "", 0
        self._layout: Sequence[tuple[int, int]] = ()

    @contextmanager
    def speaking(self, label: str, layout: Sequence[tuple[int, int]] = ()) -> Iterator[None]:
        """CrypTen called by this party.

        Args:
            label: of its messages.
            layout: (bytes on the wire, how many elements) of every tensor; empty: whole words.
        """
        before = getattr(_here, "party", None)
        self._label, self._rounds, self._layout = label, 0, layout
        _here.party = self
        try:
            yield
        finally:
            _here.party = before

    # What the engine uses.

    def multiply(
        self, label: str, rings: Sequence[Ring], x: Sequence[Array], y: Sequence[Array]
    ) -> list[Array]:
        """Elementwise products of shares, (n,) each, in rings up to Z_2^64: one round for all."""
        layout = [(ring.size, len(each)) for ring, each in zip(rings, x, strict=True)]
        with self.speaking(label, layout):
            z = _tensor(np.concatenate([_words(each) for each in x])) * _tensor(
                np.concatenate([_words(each) for each in y])
            )
        ends = np.cumsum([count for _, count in layout])[:-1]
        shares = np.split(z.share.numpy().view(np.uint64), ends)
        return [Z2_64.reduce(share, ring) for share, ring in zip(shares, rings, strict=True)]

    def matmul(self, label: str, ring: Ring, x: Array, y: Array) -> Array:
        """The matrix product of shares (n, c) and (c, d): one round."""
        with self.speaking(label, [(ring.size, -1)]):
            z = _tensor(_words(x)).matmul(_tensor(_words(y)))
        return Z2_64.reduce(z.share.numpy().view(np.uint64), ring)

    def join(self, label: str, x: Array, y: Array) -> Array:
        """Bitwise `and` of shares, bytes (n,): one round."""
        full, rest = divmod(len(x), WORD)
        with self.speaking(label, [(WORD, full), (rest, 1 if rest else 0)]):
            z = _bits(_padded(x)) & _bits(_padded(y))
        octets: Array = z.share.numpy().view(np.uint8)
        return octets[: len(x)].copy()

    def share(self, ring: Ring, shape: tuple[int, ...], source: int, value: Array | None) -> Array:
        """This party's share of what one party knows, under a pseudorandom sharing of zero."""
        if isinstance(ring, BitRing):
            size = math.prod(shape)
            plain = np.zeros(size, np.uint8) if value is None else value.reshape(-1)
            with self.speaking(""):
                bits = crypten.mpc.primitives.BinarySharedTensor(_padded(plain), src=source)
            octets: Array = bits.share.numpy().view(np.uint8)
            return octets[:size].reshape(shape).copy()
        plain = torch.from_numpy(_words(ring.zeros(shape) if value is None else value))
        with self.speaking(""):
            x = crypten.mpc.primitives.ArithmeticSharedTensor(plain, precision=0, src=source)
        return Z2_64.reduce(x.share.numpy().view(np.uint64), ring)

    # What CrypTen calls.

    @classmethod
    def is_initialized(cls) -> bool:
        """Whether this thread is a party just now."""
        return getattr(_here, "party", None) is not None

    @classmethod
    def get(cls) -> Self:
        """This thread's party."""
        party: Self = _here.party
        return party

    def get_world_size(self) -> int:
        """The number of computing parties."""
        return len(self.computing)

    def get_rank(self) -> int:
        """The index of this one."""
        return self.computing.index(self.me)

    def all_reduce(self, input: Any, op: object = None, batched: bool = False) -> Any:  # noqa: A002
        """Sums, or with BXOR exclusive ors, of all parties' tensors, at all of them."""
        mine: list[torch.Tensor] = list(input) if batched else [input]
        others = [p for p in self.computing if p != self.me]
        came = self._round(dict.fromkeys(others, self._packed(mine)), dict.fromkeys(others, mine))
        combine = xor if op == torch.distributed.ReduceOp.BXOR else add
        result = [reduce(combine, each) for each in zip(mine, *came.values(), strict=True)]
        return result if batched else result[0]

    def gather(self, tensor: torch.Tensor, dst: int) -> list[torch.Tensor | None]:
        """All parties' tensors at one of them."""
        to = self.computing[dst]
        if self.me != to:
            self._round({to: self._packed([tensor])}, {})
            return [None]
        others = [p for p in self.computing if p != self.me]
        came = self._round({}, {p: [tensor] for p in others})
        return [tensor if p == self.me else came[p][0] for p in self.computing]

    def scatter(
        self, tensors: Sequence[torch.Tensor], src: int, size: object = None, device: object = None
    ) -> torch.Tensor:
        """A tensor for each party, from one of them; all give tensors of this shape."""
        del size, device
        mine, giver = tensors[self.get_rank()], self.computing[src]
        if self.me != giver:
            return self._round({}, {giver: [mine]})[giver][0]
        send = {p: self._packed([t]) for p, t in zip(self.computing, tensors, strict=True)}
        del send[self.me]
        self._round(send, {})
        return mine

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError("nothing that CrypTen would pickle or seed travels in a session")

    send = recv = isend = irecv = reduce = all_gather = broadcast = barrier = _refuse
    send_obj = recv_obj = broadcast_obj = initialize = _refuse

    def _round(
        self, send: dict[str, bytes], due: dict[str, list[torch.Tensor]]
    ) -> dict[str, list[torch.Tensor]]:
        """One round; tensors of the shapes that are due."""
        self._rounds += 1
        lengths = {p: sum(self._length(t) for t in like) for p, like in due.items()}
        label = self._label if self._rounds == 1 else f"{self._label}/{self._rounds}"
        came = self._exchange(label, send, lengths)
        return {p: self._unpacked(data, due[p]) for p, data in came.items()}

    def _parts(self, tensor: torch.Tensor) -> list[tuple[int, int]]:
        """(bytes on the wire, how many elements), one after the other."""
        n = tensor.numel()
        return [(width, n if count < 0 else count) for width, count in self._layout] or [(WORD, n)]

    def _length(self, tensor: torch.Tensor) -> int:
        return sum(width * count for width, count in self._parts(tensor))

    def _packed(self, tensors: Sequence[torch.Tensor]) -> bytes:
        return b"".join(data for tensor in tensors for data in self._packed_parts(tensor))

    def _packed_parts(self, tensor: torch.Tensor) -> Iterator[bytes]:
        octets = tensor.contiguous().numpy().astype("<i8").reshape(-1, 1).view(np.uint8)
        start = 0
        for width, count in self._parts(tensor):
            yield octets[start : start + count, :width].tobytes()
            start += count

    def _unpacked(self, data: bytes, like: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        octets, start, tensors = np.frombuffer(data, np.uint8), 0, []
        for tensor in like:
            words = np.zeros((tensor.numel(), WORD), np.uint8)
            row = 0
            for width, count in self._parts(tensor):
                stop = start + width * count
                words[row : row + count, :width] = octets[start:stop].reshape(count, width)
                start, row = stop, row + count
            tensors.append(
                torch.from_numpy(words.view("<i8").astype(np.int64)).reshape(tensor.shape)
            )
        return tensors


def _words(x: Array) -> Array:
    """Elements of a ring up to Z_2^64 as CrypTen's signed words."""
    return np.array(x, np.uint64).view(np.int64)


def _padded(x: Array) -> torch.Tensor:
    """Bytes as words, the last one filled with zeros."""
    return torch.from_numpy(np.pad(x, (0, -len(x) % WORD)).view(np.int64))


def _tensor(words: Array) -> Any:
    return crypten.mpc.MPCTensor.from_shares(torch.from_numpy(words), precision=0)


def _bits(words: torch.Tensor) -> Any:
    return crypten.mpc.primitives.BinarySharedTensor.from_shares(words, precision=0)


crypten = _crypten()
crypten.communicator.DistributedCommunicator = Party
crypten.generators = _Streams()
for _module in (
    crypten.common.rng,
    crypten.mpc.primitives.arithmetic,
    crypten.mpc.primitives.binary,
    crypten.mpc.provider.tfp_provider,
):
    _module.generate_random_ring_element = _draw
    _module.generate_kbit_random_tensor = _draw_bits
# Parties share cores, and a party that is forked cannot use threads that its parent has started.
torch.set_num_threads(1)
