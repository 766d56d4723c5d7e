"""Variants on which nothing can be said: no threshold lets them through, and no floor."""

from pathlib import Path

import numpy as np
import pytest

from tests import studies
from tests.attacks.watcher import watch
from tests.plink_files import (
    HET,
    HOM_ALT,
    HOM_REF,
    MISSING,
    PHENOTYPE,
    Files,
    random_files,
)

PEOPLE = 600
CHROMOSOMES = (1, 23, 24, 26)
ABSENT = ("absent at one", "absent at two", "absent")
KINDS = (
    "usual", "all ref", "all alt", "all het", "missing", "only cases", "only controls",
    "one carrier", "one carrier less", *ABSENT,
)  # fmt: skip
EMPTY = {"all ref", "all alt", "missing", "only cases", "only controls", "absent"}
SAME = EMPTY | {"all het"}  # no variance, or nobody to compare with


@pytest.fixture(scope="module")
def parts() -> list[Files]:
    """Three institutions' files, and all together; on every chromosome a variant of each kind."""
    files = random_files(23, CHROMOSOMES, len(KINDS), PEOPLE)
    codes, phenotype = files.codes, files.fam[:, PHENOTYPE]
    carrier = int(np.flatnonzero((phenotype == "2") & (files.fam[:, 4] == "1"))[0])
    for row, kind in enumerate(KINDS * len(CHROMOSOMES)):
        match kind:
            case "all ref" | "all alt" | "all het" | "missing":
                whole = {"all ref": HOM_REF, "all alt": HOM_ALT, "all het": HET}
                codes[row] = whole.get(kind, MISSING)
            case "only cases":
                codes[row, phenotype != "2"] = MISSING
            case "only controls":
                codes[row, phenotype != "1"] = MISSING
            case "one carrier":
                codes[row], codes[row, carrier] = HOM_REF, HOM_ALT
            case "one carrier less":
                codes[row], codes[row, carrier] = HOM_ALT, HOM_REF
    split = files.parts(np.random.default_rng(1).permutation(PEOPLE) % 3, 3)
    kinds = np.array(KINDS * len(CHROMOSOMES))
    found = []
    for part, absent in zip(split, (ABSENT[2:], ABSENT[1:], ABSENT), strict=True):
        has = ~np.isin(kinds, absent)
        found.append(Files(part.bim[has], part.fam, part.codes[has]))
    return [*found, files]


def opened(
    folder: Path, parts: list[Files], release: str, entries: str, *, x: bool = True
) -> dict[str, set[str]]:
    """Kinds of variants that each entry opened; of pairs both.

    Args:
        x: look at the X chromosome too, on which even all alt has variance: males 1, others 2.
    """
    members = [
        studies.Member(name, part.write(folder / f"of{name}"))
        for name, part in zip(studies.NAMES, parts, strict=False)
    ]
    (folder / "source").mkdir()
    sites = parts[3].write(folder / "source" / "sites").with_suffix(".bim")
    rules = studies.Rules("clear", studies.NAMES[:1], release=release)
    seen = watch(studies.lay_out(folder, members, sites, entries, rules))
    wanted = [row for row in range(len(parts[3].bim)) if x or parts[3].bim[row, 0] != "23"]
    return {
        entry: {KINDS[row % len(KINDS)] for row in np.intersect1d(rows, wanted)}
        for entry, rows in seen.rows.items()
    }


@pytest.mark.parametrize("p", [1.0, 0.999])
@pytest.mark.parametrize("test", ["allelic", "genotypic", "trend", "cmh"])
def test_no_threshold_opens_a_variant_that_has_no_statistic(
    test: str, p: float, parts: list[Files], tmp_path: Path
) -> None:
    entries = studies.passing([test], p)
    found = opened(tmp_path, parts, 'floors = "none"', entries)["association"]
    assert "usual" in found
    assert not found & (EMPTY if test in ("allelic", "cmh") else SAME)


@pytest.mark.parametrize("r2", [0.0, 0.001])
def test_no_threshold_opens_a_pair_without_variance(
    r2: float, parts: list[Files], tmp_path: Path
) -> None:
    entries = f'\n[[entries]]\nstatistic = "linkage"\nrelease = "passing"\nr2 = {r2}\nwindow = 12\n'
    found = opened(tmp_path, parts, 'floors = "none"', entries, x=False)["linkage"]
    assert "usual" in found
    assert not found & {"all ref", "all alt", "all het", "missing", "absent"}


@pytest.mark.parametrize("least", ["", "min_mac = 1\nmin_cell = 1\nmin_individuals = 1"])
def test_floors_open_only_what_many_people_at_three_institutions_share(
    least: str, parts: list[Files], tmp_path: Path
) -> None:
    """Whatever the least numbers are: one carrier is nobody without that carrier's institution."""
    tests = '\n[[entries]]\nstatistic = "association"\ntests = ["allelic", "genotypic", "trend"]\n'
    linkage = '\n[[entries]]\nstatistic = "linkage"\nwindow = 12\n'
    entries = studies.OF_ALL + tests + linkage
    found = opened(
        tmp_path, parts, f"{studies.TOGETHER}min_missing = 1\nmin_cases = 20\n{least}", entries
    )
    for entry, kinds in found.items():
        assert kinds <= {"usual", "all het"}, entry
    assert "usual" in found["frequency"]
