"""Where parties go on, by what all say of how far they have come."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpcgen import codec
from mpcgen.errors import BadMessage, Refused
from mpcgen.parties.standing import MAX_EPOCHS, Agreed, Standing, agree

NEW = Standing(epoch=0, inputs=b"", opened=0, last=0, prepared=0, sending=False, stages=0)
KNOWS = replace(NEW, epoch=4, opened=5, last=2, stages=2)  # five openings, the last of epoch 2
READY = replace(KNOWS, prepared=4)  # and its shares of the sixth
SENDING = replace(READY, sending=True)
AHEAD = replace(KNOWS, opened=6, last=4, stages=3)  # it knows the sixth


def three(a: Standing, b: Standing, c: Standing) -> dict[str, Standing]:
    return {"A": a, "B": b, "C": c}


@pytest.mark.parametrize(
    ("standings", "agreed"),
    [
        ((NEW, NEW, NEW), Agreed(1, 0, False, 0)),
        ((KNOWS, KNOWS, KNOWS), Agreed(5, 5, False, 2)),
        ((KNOWS, READY, READY), Agreed(5, 5, False, 2)),
        ((READY, READY, READY), Agreed(5, 5, False, 2)),
        ((READY, SENDING, READY), Agreed(5, 5, True, 2)),
        ((READY, SENDING, AHEAD), Agreed(5, 5, True, 2)),
        ((AHEAD, AHEAD, AHEAD), Agreed(5, 6, False, 3)),
        ((replace(KNOWS, epoch=7), KNOWS, KNOWS), Agreed(8, 5, False, 2)),
        ((replace(KNOWS, stages=1), KNOWS, KNOWS), Agreed(5, 5, False, 1)),
    ],
)  # fmt: skip
def test_where_they_go_on(standings: tuple[Standing, ...], agreed: Agreed) -> None:
    assert agree(three(*standings), "", keeps_shares=True) == agreed


@pytest.mark.parametrize(
    ("standings", "words"),
    [
        # It says that it has kept nothing, where somebody may have sent: that cannot be.
        ((KNOWS, SENDING, READY), "B may have sent .* and A says that it has not"),
        ((READY, READY, AHEAD), None),
        ((READY, KNOWS, AHEAD), "C may have sent .* opening 6.* and B says that it has not"),
        ((replace(READY, prepared=3), SENDING, READY), "and A says that it has not"),
        ((NEW, KNOWS, KNOWS), "B has kept 5 openings of this study, A 0"),
        ((replace(NEW, epoch=MAX_EPOCHS), NEW, NEW), "was begun 1000 times; a new plan is needed"),
    ],
)
def test_where_they_cannot(standings: tuple[Standing, ...], words: str | None) -> None:
    if words is None:
        assert agree(three(*standings), "", keeps_shares=True).again
    else:
        with pytest.raises(Refused, match=words):
            agree(three(*standings), "", keeps_shares=True)


def test_shares_under_keys_of_a_session_are_not_sent_in_another() -> None:
    for standings in ((READY, READY, READY), (KNOWS, READY, KNOWS), (AHEAD, AHEAD, AHEAD)):
        assert not agree(three(*standings), "", keeps_shares=False).again
    for standings in ((READY, SENDING, READY), (READY, READY, AHEAD)):
        with pytest.raises(Refused, match=r"opening 6 was being made, .* a new plan is needed"):
            agree(three(*standings), "", keeps_shares=False)


def test_a_dealer_has_no_openings_to_wait_for() -> None:
    standings = three(KNOWS, KNOWS, KNOWS) | {"D": replace(NEW, epoch=9)}
    assert agree(standings, "D", keeps_shares=True) == Agreed(10, 5, False, 2)


def test_a_standing_is_read_as_it_was_sent() -> None:
    sent = codec.decode(codec.encode(SENDING.value()))
    assert Standing.read("B", sent) == SENDING


VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.lists(st.none())


@given(name=st.sampled_from(sorted(vars(NEW))), value=VALUES)
def test_a_standing_of_another_form_is_refused(name: str, value: codec.Value) -> None:
    sent = codec.decode(codec.encode(SENDING.value()))
    assert isinstance(sent, dict)
    right = type(sent[name])
    size = value if isinstance(value, int) else len(value) << 35 if isinstance(value, bytes) else -1
    if type(value) is right and 0 <= size <= 1 << 40:
        Standing.read("B", {**sent, name: value})
        return
    with pytest.raises(BadMessage, match=f"B says how far it has come with a wrong {name}"):
        Standing.read("B", {**sent, name: value})


@pytest.mark.parametrize("spoil", [lambda s: [s], lambda s: {**s, "more": 1}, lambda s: None])
def test_another_form_is_no_standing(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(BadMessage, match="in a form that is not known here"):
        Standing.read("B", spoil(SENDING.value()))
