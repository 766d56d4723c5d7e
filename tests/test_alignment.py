"""Alignment: what is used, which way round, and what the report says of the rest."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.alignment import Alignment, Flag, Status, align
from mpcgen.genome.alignment_report import report, write_report
from mpcgen.genome.bim import Bim, read_bim
from tests.site_lists import Site, sites_of

NONE = Flag(0)
UNUSED = (-1, False)


def bim_of(*variants: Site) -> Bim:
    v = sites_of(*variants)
    return Bim(Path("own.bim"), v.chrom, v.pos, v.id, v.ref, v.alt)


def used(alignment: Alignment) -> list[tuple[int, bool]]:
    """(row, swapped) for every site."""
    return list(zip(alignment.rows.tolist(), alignment.swapped.tolist(), strict=True))


@pytest.mark.parametrize(
    ("site", "own", "flags"),
    [
        ("A G", "A G", NONE),
        ("A G", "G A", Flag.SWAPPED),
        ("A G", "T C", Flag.FLIPPED),
        ("A G", "C T", Flag.FLIPPED | Flag.SWAPPED),
        ("A G", "A 0", Flag.ZERO_LABELLED),
        ("A G", "0 G", Flag.ZERO_LABELLED),
        ("A G", ". G", Flag.ZERO_LABELLED),
        ("A G", "0 A", Flag.ZERO_LABELLED | Flag.SWAPPED),
        ("A G", "G 0", Flag.ZERO_LABELLED | Flag.SWAPPED),
        ("A G", "0 C", Flag.ZERO_LABELLED | Flag.FLIPPED),
        ("A G", "0 T", Flag.ZERO_LABELLED | Flag.FLIPPED | Flag.SWAPPED),
        ("A T", "T A", Flag.SWAPPED),
        ("A T", "0 T", Flag.ZERO_LABELLED),
        ("1 2", "1 2", NONE),
        ("1 2", "2 1", Flag.SWAPPED),
        ("1 2", "0 1", Flag.ZERO_LABELLED | Flag.SWAPPED),
        ("A AT", "AT A", Flag.SWAPPED),
        ("C CA", "0 CA", Flag.ZERO_LABELLED),
        ("G <DEL>", "<DEL> G", Flag.SWAPPED),
        ("G 0", "G 0", Flag.ZERO_LABELLED),
    ],
)
def test_alleles_that_fit(site: str, own: str, flags: Flag) -> None:
    (ref, alt), (own_ref, own_alt) = site.split(), own.split()
    found = align(
        sites_of((1, 5, "s", ref, alt)), bim_of((1, 5, "s", own_ref, own_alt)), "as_given"
    )
    assert used(found) == [(0, Flag.SWAPPED in flags)]
    assert found.row_status.tolist() == [Status.USED]
    assert found.row_flags.tolist() == [flags]


@pytest.mark.parametrize(
    ("site", "own"),
    [
        ("A G", "A C"),
        ("A G", "A T"),
        ("A G", "0 0"),
        ("A G", "0 AT"),
        ("A G", "AT G"),
        ("A AT", "T TA"),
        ("A AT", "T AT"),
        ("A AT", "0 T"),
        ("1 2", "A G"),
        ("G <DEL>", "C <DEL>"),
        ("A 0", "A G"),
        ("A 0", "C 0"),
        ("A G", "a g"),
    ],
)
def test_alleles_that_do_not_fit(site: str, own: str) -> None:
    (ref, alt), (own_ref, own_alt) = site.split(), own.split()
    found = align(
        sites_of((1, 5, "s", ref, alt)), bim_of((1, 5, "s", own_ref, own_alt)), "as_given"
    )
    assert used(found) == [UNUSED]
    assert found.row_status.tolist() == [Status.INCOMPATIBLE]
    assert found.site_status.tolist() == [Status.INCOMPATIBLE]
    assert found.row_flags.tolist() == [0]
    assert found.row_site.tolist() == [0]


def test_ids_never_match() -> None:
    sites = sites_of((1, 5, "a", "A", "G"), (1, 9, "b", "A", "G"), (2, 5, "c", "A", "G"))
    own = bim_of((1, 9, "a", "A", "G"), (1, 5, "b", "A", "G"), (3, 5, "c", "A", "G"))
    found = align(sites, own, "as_given")
    assert used(found) == [(1, False), (0, False), UNUSED]
    assert found.row_status.tolist() == [Status.USED, Status.USED, Status.MISPLACED]
    assert found.row_flags.tolist() == [Flag.RENAMED, Flag.RENAMED, 0]
    assert found.site_status.tolist() == [Status.USED, Status.USED, Status.MISPLACED]


def test_extra_absent_and_misplaced() -> None:
    sites = sites_of((1, 5, "a", "A", "G"), (1, 6, "b", "A", "G"), (1, 7, ".", "A", "G"))
    own = bim_of(
        (1, 50, "a", "C", "A"),  # the id of a site, but other alleles
        (1, 51, "b", "C", "T"),  # b, flipped and swapped, elsewhere
        (1, 52, ".", "A", "G"),  # no id at all
        (0, 0, "d", "A", "G"),
        (1, -6, "e", "A", "G"),
    )
    found = align(sites, own, "as_given")
    extra = Status.EXTRA
    assert found.row_status.tolist() == [extra, Status.MISPLACED, extra, extra, extra]
    assert found.row_site.tolist() == [-1, 1, -1, -1, -1]
    assert found.site_status.tolist() == [Status.ABSENT, Status.MISPLACED, Status.ABSENT]
    assert found.counts["absent"] == 2
    assert found.counts["extra"] == 4
    assert found.counts["used"] == 0


def test_an_id_is_not_misplaced_where_its_site_is_used() -> None:
    own = bim_of((1, 5, "a", "A", "G"), (1, 50, "a", "A", "G"))
    found = align(sites_of((1, 5, "a", "A", "G")), own, "as_given")
    assert found.row_status.tolist() == [Status.USED, Status.EXTRA]


def test_positions_with_several_alleles() -> None:
    sites = sites_of((1, 5, "c", "A", "C"), (1, 5, "g", "A", "G"), (1, 5, "t", "A", "AT"))
    own = bim_of(
        (1, 5, "g", "G", "A"),
        (1, 5, "t", "A", "AT"),
        (1, 5, "c", "A", "C"),
        (1, 5, "x", "A", "T"),
    )
    found = align(sites, own, "as_given")
    assert used(found) == [(2, False), (0, True), (1, False)]
    assert found.row_status.tolist() == [Status.USED, Status.USED, Status.USED, Status.EXTRA]


def test_a_zero_goes_to_the_one_site_that_is_left() -> None:
    sites = sites_of((1, 5, "c", "A", "C"), (1, 5, "g", "A", "G"))
    found = align(sites, bim_of((1, 5, "c", "A", "0"), (1, 5, "g", "A", "G")), "as_given")
    assert used(found) == [(0, False), (1, False)]
    found = align(sites, bim_of((1, 5, "c", "A", "0")), "as_given")
    assert used(found) == [UNUSED, UNUSED]
    assert found.row_status.tolist() == [Status.INCOMPATIBLE]


def test_the_better_fit_wins() -> None:
    site = sites_of((1, 5, "a", "A", "G"))
    kinds: list[tuple[str, str]] = [("A", "G"), ("G", "A"), ("T", "C"), ("C", "T"), ("A", "0")]
    for worse in range(1, len(kinds)):
        for better in range(worse):
            own = bim_of((1, 5, "w", *kinds[worse]), (1, 5, "b", *kinds[better]))
            found = align(site, own, "as_given")
            assert found.rows.tolist() == [1]
            assert found.row_status.tolist() == [Status.EXTRA, Status.USED]


@pytest.mark.parametrize("alleles", [("A", "G"), ("G", "A"), ("C", "T"), ("0", "G")])
def test_one_variant_on_two_lines(alleles: tuple[str, str]) -> None:
    own = bim_of(
        (1, 4, "z", "A", "G"), (1, 5, "a", *alleles), (2, 1, "y", "A", "C"), (1, 5, "b", *alleles)
    )
    with pytest.raises(InputError, match=r"own\.bim, line 4: the same variant as on line 2"):
        align(sites_of((1, 5, "a", "A", "G")), own, "as_given")
    elsewhere = align(sites_of((1, 6, "s", "A", "G")), own, "as_given")
    assert elsewhere.counts["extra"] == 4


def test_leave_out() -> None:
    sites = sites_of((1, 5, "p", "A", "T"), (1, 6, "n", "A", "C"), (1, 7, "q", "C", "G"))
    own = bim_of((1, 5, "p", "T", "A"), (1, 6, "n", "C", "A"))
    found = align(sites, own, "leave_out")
    assert used(found) == [UNUSED, (1, True), UNUSED]
    assert found.site_status.tolist() == [Status.LEFT_OUT, Status.USED, Status.ABSENT]
    assert found.row_status.tolist() == [Status.LEFT_OUT, Status.USED]
    assert found.row_site.tolist() == [0, 1]
    assert found.counts["left-out"] == 1


@pytest.mark.parametrize(
    ("reference", "own_alleles", "own_frequency", "want"),
    [
        (0.1, ("A", "T"), 0.15, (0, False)),
        (0.1, ("A", "T"), 0.85, (0, True)),  # the file is on the other strand
        (0.1, ("T", "A"), 0.85, (0, True)),  # swapped, as its alleles say
        (0.1, ("T", "A"), 0.15, (0, False)),  # swapped and on the other strand: as it stands
        (0.9, ("A", "T"), 0.8, (0, False)),
        (0.4, ("A", "T"), 0.4, (0, False)),
        (0.6, ("A", "T"), 0.4, (0, True)),
        (0.41, ("A", "T"), 0.1, UNUSED),
        (0.1, ("A", "T"), 0.59, UNUSED),
        (0.1, ("A", "T"), 0.0, (0, False)),
        (0.1, ("0", "A"), 1.0, (0, True)),
        (float("nan"), ("A", "T"), 0.1, UNUSED),
        (0.1, ("A", "T"), float("nan"), UNUSED),
    ],
)
def test_by_reference_frequency(
    reference: float, own_alleles: tuple[str, str], own_frequency: float, want: tuple[int, bool]
) -> None:
    sites = sites_of((1, 5, "p", "A", "T"), (1, 6, "n", "A", "C"), frequency=[reference, 0.5])
    own = bim_of((1, 5, "p", *own_alleles), (1, 6, "n", "C", "A"))
    asked: list[list[int]] = []

    def frequency(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        asked.append(rows.tolist())
        return np.full(len(rows), own_frequency)

    found = align(sites, own, "by_reference_frequency", frequency)
    assert used(found) == [want, (1, True)]
    assert asked == [[0]]
    assert found.site_status[0] == (Status.LEFT_OUT if want == UNUSED else Status.USED)


def test_a_turned_palindrome_is_flagged() -> None:
    sites = sites_of((1, 5, "p", "A", "T"), (1, 6, "q", "A", "T"), frequency=[0.1, 0.1])
    own = bim_of((1, 5, "p", "A", "T"), (1, 6, "q", "T", "A"))
    found = align(sites, own, "by_reference_frequency", lambda _: np.array([0.9, 0.1]))
    assert found.row_flags.tolist() == [Flag.SWAPPED | Flag.FLIPPED, Flag.FLIPPED]


def test_by_reference_frequency_wants_frequencies() -> None:
    sites, own = sites_of((1, 5, "p", "A", "T")), bim_of((1, 5, "p", "A", "T"))
    with pytest.raises(InputError, match="wants a site list with frequencies"):
        align(sites, own, "by_reference_frequency", lambda rows: np.zeros(len(rows)))
    with pytest.raises(TypeError, match="own frequencies"):
        align(sites_of((1, 5, "p", "A", "T"), frequency=[0.1]), own, "by_reference_frequency")
    with pytest.raises(InputError, match="'always' is none of as_given, leave_out"):
        align(sites, own, "always")


def test_report(tmp_path: Path) -> None:
    sites = sites_of((1, 5, "a", "A", "G"), (23, 6, "b", "A", "G"), (1, 7, "c", "A", "C"))
    own = bim_of((1, 7, "c", "G", "C"), (1, 5, "z", "C", "T"), (26, 8, "x", "A", "T"))
    found = align(sites, own, "as_given")
    write_report(found, tmp_path / "report.tsv")
    assert (tmp_path / "report.tsv").read_text().splitlines() == [
        "LINE\tCHROM\tPOS\tID\tREF\tALT\tSTATUS\tFLAGS\tSITE_CHROM\tSITE_POS\tSITE_ID\tSITE_REF\tSITE_ALT",
        "1\t1\t7\tc\tG\tC\tincompatible\t.\t1\t7\tc\tA\tC",
        "2\t1\t5\tz\tC\tT\tused\tswapped,flipped,renamed\t1\t5\ta\tA\tG",
        "3\tMT\t8\tx\tA\tT\textra\t.\t.\t0\t.\t.\t.",
        "0\tX\t6\tb\tA\tG\tabsent\t.\tX\t6\tb\tA\tG",
    ]
    assert report(found).column("POS").to_pylist() == [7, 5, 8, 6]
    assert found.counts == {
        "used": 1,
        "absent": 1,
        "extra": 1,
        "misplaced": 0,
        "incompatible": 1,
        "left-out": 0,
        "swapped": 1,
        "flipped": 1,
        "renamed": 1,
        "zero-labelled": 0,
    }


alleles = st.sampled_from(["A", "C", "G", "T", "AT", "0"])
variants = st.tuples(
    st.integers(1, 2), st.integers(1, 4), st.sampled_from("abcd."), alleles, alleles
)
COMPLEMENT = {"A": "T", "C": "G", "G": "C", "T": "A"}


def kind(site: Site, own: Site) -> int:
    """How an own variant's alleles fit, in plain words: 0 best, 8 not at all."""
    want = site[3:]
    for number in range(8):
        have = list(own[3:])
        if number & 2 and not {*want} <= {*"ACGT"}:
            continue
        if number & 2:
            have = [COMPLEMENT.get(allele, "-") if allele != "0" else "0" for allele in have]
        if number & 1:
            have.reverse()
        if (number >= 4) != ("0" in have) and tuple(have) != want:
            continue
        if number < 4 and tuple(have) == want and ("0" not in have or not number & 2):
            return number
        named = [i for i in (0, 1) if have[i] != "0"]
        if number >= 4 and len(named) == 1 and have[named[0]] == want[named[0]]:
            return number
    return 8


@given(st.lists(variants, min_size=1, max_size=5), st.lists(variants, min_size=1, max_size=5))
def test_any_alignment_is_a_greedy_matching(site_rows: list[Site], rows: list[Site]) -> None:
    """The same as trying every kind of fit in turn, one pair after the other."""
    unique = {(c, p, *sorted((r, a))): (c, p, i, r, a) for c, p, i, r, a in site_rows if r != a}
    site_rows = list(unique.values()) or [(1, 1, "a", "A", "C")]
    expected: dict[int, tuple[int, bool]] = {}
    taken: set[int] = set()
    double = False
    for number in range(8):
        hits = [
            (s, r)
            for s, site in enumerate(site_rows)
            for r, own in enumerate(rows)
            if site[:2] == own[:2]
            and kind(site, own) == number
            and s not in expected
            and r not in taken
        ]
        hits = [(s, r) for s, r in hits if sum(r == other for _, other in hits) == 1]
        double |= len({s for s, _ in hits}) < len(hits)
        if double:
            break
        expected |= {s: (r, bool(number & 1)) for s, r in hits}
        taken |= {r for _, r in hits}
    if double:
        with pytest.raises(InputError, match="the same variant as on line"):
            align(sites_of(*site_rows), bim_of(*rows), "as_given")
        return
    found = align(sites_of(*site_rows), bim_of(*rows), "as_given")
    assert used(found) == [expected.get(s, UNUSED) for s in range(len(site_rows))]
    assert {r for r in range(len(rows)) if found.row_status[r] == Status.USED} == taken
    counted = [found.counts[name] for name in ("used", "extra", "misplaced", "incompatible")]
    assert sum(counted) == len(rows)
    assert ((found.row_site >= 0) == (found.row_status != Status.EXTRA)).all()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "is empty"),
        ("1 a 0 5 A\n", 1, "5 values where 6 are due"),
        ("1 a 0 5 A C\n1 a 0 5 A C G\n", 2, "7 values"),
        ("1 a 0 5 A C\n\n1 a 0 6 A C\n", 2, "the line is empty"),
        ("1 a 0 5.0 A C\n", 1, "the position '5.0' is no number"),
        ("1 a 0 5 A C\nchrUn a 0 5 A C\n", 2, "'chrUn' is no human chromosome"),
        (b"1 \xe4 0 5 A C\n", 1, "not UTF-8"),
        (b"\x6c\x1b\x01\xff\xff", 1, "not UTF-8"),
    ],
)
def test_bad_bims_are_refused(
    text: str | bytes, line: int | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "bad.bim"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=message) as caught:
        read_bim(path)
    assert caught.value.line == line
    assert caught.value.path == path


def test_bim_of_windows_and_of_blanks(tmp_path: Path) -> None:
    path = tmp_path / "w.bim"
    path.write_bytes(b"\xef\xbb\xbf 1  a 0 5\tA C \r\n0 b 0 0 0 G\r\n23 c 0 -7 T G\r\n")
    bim = read_bim(path)
    assert bim.chrom.tolist() == [1, 0, 23]
    assert bim.pos.tolist() == [5, 0, -7]
    assert bim.id.to_pylist() == ["a", "b", "c"]
    assert bim.alt.to_pylist() == ["A", "0", "T"]
    assert bim.ref.to_pylist() == ["C", "G", "G"]
