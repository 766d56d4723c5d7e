"""Encrypted totals under BFV: what the key holder sees, what is refused, and what stops all."""

import importlib
from collections.abc import Callable

import numpy as np
import pytest

from mpcgen.errors import Abort, InputError, MpcgenError
from mpcgen.leakage import Leakage
from mpcgen.prg import Prg
from mpcgen.protocols.aggregated import Cipher
from mpcgen.protocols.engines import ENGINES
from mpcgen.ring import Ring
from tests import conformance
from tests.conformance import SESSION, Setting
from tests.test_paillier import SHAPE, Alter, Values, opened, owners_values, replacing

bfv = importlib.import_module("mpcgen.protocols.bfv")
SETTING = Setting("bfv", ("A", "B", "C"), ("X", "K"))
RING = Ring(32)
pytestmark = conformance.installed("bfv")


@pytest.fixture
def context():  # type: ignore[no-untyped-def]
    tenseal = pytest.importorskip("tenseal")
    return tenseal.context(tenseal.SCHEME_TYPE.BFV, bfv.SLOTS, bfv.T, bfv._PRIMES)


def test_everybody_learns_the_total_and_nobody_more_than_its_length() -> None:
    first = owners_values(1)
    swing = np.arange(20) * 999_983
    second = {"A": first["B"] + swing, "B": first["C"] - 2 * swing, "C": first["A"] + swing}
    for values in (first, second):
        results = opened(values, setting=SETTING)
        total = np.sum([*values.values()], axis=0).tolist()
        assert all(x == total for x, _ in results.values())
        lengths = [(peer, len(data)) for peer, data in results["K"][1].came if len(data) > 32]
        assert lengths == [("X", bfv.SEALED_BYTES)]
        assert {len(d) for _, d in results["X"][1].came if len(d) > 80} == {
            bfv.KEY_BYTES,
            bfv.SEALED_BYTES,
        }


def aggregated(context, parts: list[list[int]]) -> tuple[Cipher, bytes]:  # type: ignore[no-untyped-def]
    """A cipher that can decrypt, and the sum of the owners' ciphertexts."""
    cipher = bfv.BfvCipher(context, Prg.for_tests_only(1))
    like = [(RING, (len(parts[0]),))]
    sealed = {
        str(n): cipher.encrypt(like, [RING.encode(part)], "x") for n, part in enumerate(parts)
    }
    return cipher, cipher.add(sealed)


@pytest.mark.parametrize("owners", [1, 3, 8])
def test_sums_are_exact_at_the_ends_of_their_range(context, owners: int) -> None:  # type: ignore[no-untyped-def]
    """Parts as large as their range, a total at each end; more counters than one ciphertext has."""
    half, m = 1 << 31, bfv.SLOTS + 5
    total = [half - 1, -half, 0, -1, 1] * (m // 5 + 1)
    parts = [[x // owners + (i < x % owners) for x in total[:m]] for i in range(owners)]
    cipher, sealed = aggregated(context, parts)
    (x,) = cipher.decrypt([(RING, (m,))], sealed)
    assert RING.signed(x).tolist() == total[:m]


def test_the_key_holder_decrypts_nothing_but_totals(context) -> None:  # type: ignore[no-untyped-def]
    """All 8,192 slots, those that no value fills too, are the same in two worlds of one total."""
    seen = []
    for parts in ([[7, -2], [1, 5]], [[2**31 - 1, 3], [8 - 2**31 + 1, 0]]):
        cipher, sealed = aggregated(context, parts)
        seen.append([v.decrypt() for v in cipher._vectors("X", sealed)])  # type: ignore[attr-defined]
    assert seen[0] == seen[1] == [[8, 3, *[0] * (bfv.SLOTS - 2)]]


def test_the_aggregators_noise_leaves_budget_and_drowns_the_rest(context) -> None:  # type: ignore[no-untyped-def]
    importlib.import_module("tenseal.sealapi")
    cipher, sealed = aggregated(context, [[2**31 - 1] * bfv.SLOTS] * 8)
    (own,) = cipher._vectors("A", cipher.encrypt([(RING, (1,))], [RING.encode([5])], "x"))  # type: ignore[attr-defined]
    (total,) = cipher._vectors("X", sealed)  # type: ignore[attr-defined]
    decryptor = context.data.decryptor()
    fresh, left = (decryptor.invariant_noise_budget(v.ciphertext()[0]) for v in (own, total))
    assert left >= 20
    assert fresh - left >= 36  # the owners' noise is that many bits smaller


@pytest.mark.parametrize(
    ("alter", "error"),
    [
        (replacing("B", "open", lambda data: bytes(len(data))), "B sent what is no ciphertext"),
        (replacing("B", "open", lambda data: data[:-1]), "B.* bytes"),
        (replacing("X", "open", lambda data: data[:-1]), "X.* bytes"),
        (replacing("K", "key", lambda data: data[:-1]), "K.* bytes"),
        (replacing("K", "key", lambda data: bytes(len(data))), "K sent .* key"),
    ],
    ids=["no ciphertext", "short", "short sum", "short key", "no key"],
)
def test_a_wrong_message_stops_everybody(alter: Alter, error: str) -> None:
    with pytest.raises(MpcgenError, match=error):
        opened(owners_values(4), setting=SETTING, alter=alter)


def of(parameters: Callable[[], tuple[int, int, list[int]]]) -> Alter:
    """A key of these parameters instead of the key holder's."""

    def other(_: bytes) -> bytes:
        tenseal = importlib.import_module("tenseal")
        data: bytes = bfv._public(tenseal.context(tenseal.SCHEME_TYPE.BFV, *parameters()))
        return data

    return replacing("K", "key", other)


def test_another_key_than_the_key_holders_is_noticed() -> None:
    alter = of(lambda: (bfv.SLOTS, bfv.T, bfv._PRIMES))
    with pytest.raises(Abort, match="no total under this key"):
        opened(owners_values(5), setting=SETTING, alter=alter)


def test_a_key_of_other_parameters_is_refused() -> None:
    alter = of(lambda: (bfv.SLOTS, 1032193, bfv._PRIMES))
    with pytest.raises(MpcgenError, match="K sent a key of other parameters"):
        opened(owners_values(5), setting=SETTING, alter=alter)


def test_a_total_outside_its_range_is_told_to_nobody() -> None:
    values: Values = {name: np.full(SHAPE, 2**30) for name in SETTING.owners}
    with pytest.raises(Abort, match=r"signed range of Z_2\^32"):
        opened(values, setting=SETTING)


def test_without_tenseal_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(importlib.import_module("sys").modules, "tenseal", None)
    with pytest.raises(InputError, match=r"pip install 'mpcgen\[bfv\]'"):
        ENGINES["bfv"].set_up(
            None,  # type: ignore[arg-type]
            SETTING.seat("A"),
            Leakage([]),
            SESSION,
            0,
            Prg.fresh(),
        )
