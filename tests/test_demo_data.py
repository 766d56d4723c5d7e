"""The demonstration's data agree with themselves, and with PLINK on the pool."""

import gzip
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import mpcgen.demo

DATA = Path(mpcgen.demo.__file__).parent / "data"
NAMES = ("A", "B", "C")
PEOPLE = {"A": 320, "B": 280, "C": 240}
VARIANTS = 2500
LD = (
    "--prune",
    "--extract",
    str(DATA / "peak.ids"),
    "--ld-window",
    "50",
    "--ld-window-kb",
    "100000",
)
ANSWERS = {
    "freq.frqx": ["--prune", "--freqx"],
    "counts.assoc": ["--assoc", "counts"],
    "ci.assoc": ["--assoc", "--ci", "0.95"],
    "model": ["--model", "--cell", "0"],
    "cmh": ["--mh", "--within", "institutions.txt"],
    "r.ld": [*LD, "--r", "--ld-window-r2", "0"],
    "r2.ld": [*LD, "--r2", "--ld-window-r2", "0"],
}


def table(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()]


def codes(name: str) -> NDArray[np.uint8]:
    """Return the .bed codes (variants, people) of an institution."""
    data = np.fromfile(DATA / f"{name}.bed", dtype=np.uint8)
    assert data[:3].tobytes() == b"\x6c\x1b\x01"
    rows = data[3:].reshape(VARIANTS, -1)
    four: NDArray[np.uint8] = (rows[:, :, None] >> np.arange(0, 8, 2, dtype=np.uint8)) & np.uint8(3)
    return four.reshape(VARIANTS, -1)[:, : PEOPLE[name]]


def fam(name: str) -> list[list[str]]:
    """Return an institution's .fam, C's phenotypes put in from their table as 2 and 1."""
    rows = table(DATA / f"{name}.fam")
    if name == "C":
        status = {row[1]: row[2] for row in table(DATA / "C.pheno.tsv")[1:]}
        meaning = {"0": "1", "1": "2", "NA": "-9"}
        rows = [[*row[:5], meaning[status[row[1]]]] for row in rows]
    return rows


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everybody's files together, A, then B, then C."""
    folder = tmp_path_factory.mktemp("pool")
    four = np.concatenate([codes(name) for name in NAMES], axis=1).reshape(VARIANTS, -1, 4)
    packed = np.bitwise_or.reduce(four << np.arange(0, 8, 2, dtype=np.uint8), axis=2)
    (folder / "pool.bed").write_bytes(b"\x6c\x1b\x01" + packed.astype(np.uint8).tobytes())
    (folder / "pool.bim").write_bytes((DATA / "A.bim").read_bytes())
    people = [(name, row) for name in NAMES for row in fam(name)]
    (folder / "pool.fam").write_text("".join("\t".join(row) + "\n" for _, row in people))
    strata = "".join(f"{row[0]} {row[1]} {name}\n" for name, row in people)
    (folder / "institutions.txt").write_text(strata)
    return folder


@pytest.mark.parametrize("name", ANSWERS)
def test_plink_gives_the_shipped_answers(
    name: str, pool: Path, program: Callable[[str], str]
) -> None:
    options = ["--keep-allele-order", "--allow-no-sex", "--threads", "1"]
    subprocess.run(
        [program("plink1.9"), "--bfile", "pool", *options, *ANSWERS[name], "--out", "made"],
        cwd=pool,
        check=True,
        capture_output=True,
    )
    made = table(pool / f"made.{name.rpartition('.')[2]}")
    if name == "model":
        made = [row for row in made if row[4] in ("TEST", "TREND", "GENO")]
    with gzip.open(DATA / f"pooled.{name}.gz", "rt") as shipped:
        assert [line.split() for line in shipped] == made


@pytest.mark.parametrize("name", NAMES)
def test_sizes_agree(name: str) -> None:
    size = (DATA / f"{name}.bed").stat().st_size
    assert size == 3 + VARIANTS * (PEOPLE[name] // 4)
    assert len(table(DATA / f"{name}.bim")) == VARIANTS
    assert len({row[1] for row in fam(name)}) == PEOPLE[name]


@pytest.mark.parametrize("name", NAMES)
def test_sites_agree(name: str) -> None:
    bim = [(c, pos, id_, ref, alt) for c, id_, _, pos, alt, ref in table(DATA / f"{name}.bim")]
    assert [tuple(row) for row in table(DATA / "sites.tsv")[1:]] == bim


def test_phenotypes_are_there_in_both_ways() -> None:
    assert {row[5] for name in "AB" for row in table(DATA / f"{name}.fam")} == {"1", "2", "-9"}
    assert {row[5] for row in table(DATA / "C.fam")} == {"-9"}
    status = [row[5] for name in NAMES for row in fam(name)]
    assert (status.count("2"), status.count("-9")) == (334, 8)


def test_one_in_a_hundred_is_missing() -> None:
    autosomes = [row[0] in ("1", "2") for row in table(DATA / "A.bim")]
    four = np.concatenate([codes(name)[autosomes] for name in NAMES], axis=1)
    assert abs(np.mean(four == 1) - 0.01) < 5 * np.sqrt(0.01 / four.size)


def test_the_peak_is_clear_and_its_list_on_one_chromosome() -> None:
    with gzip.open(DATA / "pooled.cmh.gz", "rt") as file:
        rows = [line.split() for line in file][1:]
    best = min(rows, key=lambda row: float(row[7]))
    assert float(best[7]) < 1e-12
    ids = (DATA / "peak.ids").read_text().split()
    sites = table(DATA / "A.bim")
    first = [row[1] for row in sites].index(ids[0])
    assert ids == [row[1] for row in sites[first : first + 200]]
    assert {row[0] for row in sites[first : first + 200]} == {best[0]}
    assert best[1] in ids


def test_the_data_stay_small() -> None:
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 1_300_000
