"""Counting and pair sums of one .bed file, beside PLINK on the same file in the same run.

The file: variants in Hardy-Weinberg proportions, alt frequencies uniform in 0.01-0.5, 0.2 % of the
genotypes missing, every second person a case. It repeats 1,000 random rows, each rotated by a
random number of bytes: frequencies and missingness are realistic, linkage is not.
PLINK's times are of whole processes; `as_a_process` times ours in the same way, from the
interpreter's start to counts in memory, with Numba's cache warm.
"""

import subprocess
import sys
from pathlib import Path
from shutil import which
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mpcgen.genome.bed import BedFile
from mpcgen.genome.columns import strings
from mpcgen.genome.genotypes import Genotypes
from mpcgen.genome.people import People
from mpcgen.protocols.pairs import WindowPairs

ROOT = Path(__file__).parents[1]
TEMPLATES = 1000
MISSING_RATE = 0.002
BATCH = 2**18
Size = tuple[int, int]
sizes = pytest.mark.parametrize("size", [(30_000, 100_000)], ids=lambda s: f"N{s[0]}-m{s[1]}")
windows = pytest.mark.parametrize("window", [50], ids=lambda w: f"w{w}")


def plink_files(size: Size) -> Path:
    """Prefix of a .bed, .bim and .fam of N people and m variants, made once."""
    people, m = size
    prefix = ROOT / ".cache" / "benchmarks" / f"N{people}-m{m}"
    if not prefix.with_suffix(".fam").exists():
        prefix.parent.mkdir(parents=True, exist_ok=True)
        write_bed(prefix.with_suffix(".bed"), people, m)
        sites = "".join(f"1 v{i} 0 {100 * i + 1} A C\n" for i in range(m))
        prefix.with_suffix(".bim").write_text(sites)
        fam = "".join(f"f{i} i{i} 0 0 {1 + i // 2 % 2} {1 + i % 2}\n" for i in range(people))
        prefix.with_suffix(".fam").write_text(fam)
    return prefix


def write_bed(path: Path, people: int, m: int) -> None:
    rng = np.random.default_rng(1)
    n = -(-people // 4)
    rows = np.empty((TEMPLATES, n), np.uint8)
    for row in rows:
        alleles = rng.random((2, 4 * n)) < rng.uniform(0.01, 0.5)
        codes = np.array([3, 2, 0], np.uint8)[alleles.sum(0)]
        codes[rng.random(4 * n) < MISSING_RATE] = 1
        row[:] = np.bitwise_or.reduce(codes.reshape(n, 4) << np.array([0, 2, 4, 6], np.uint8), 1)
    with path.open("wb") as file:
        file.write(b"\x6c\x1b\x01")
        for template, shift in rng.integers(0, (TEMPLATES, n), (m, 2)):
            file.write(np.roll(rows[template], shift))


def genotypes(bed: BedFile) -> Genotypes:
    """Cases and controls of the whole file, every variant a site."""
    people, m = bed.n_samples, bed.n_variants
    everyone = np.ones(people, np.bool_)
    group = (np.arange(people) % 2 == 0).astype(np.int8)
    sex = (1 + np.arange(people) // 2 % 2).astype(np.int8)
    rows = SimpleNamespace(rows=np.arange(m), swapped=np.zeros(m, np.bool_))
    cohort = People(
        *(everyone, group, sex, everyone, ("cases", "controls"), {}),
        ids=strings(map(str, range(people))),
        missing=~everyone,
    )
    return Genotypes(bed, rows, np.ones(m, np.int8), cohort)


def pairs_in_batches(data: Genotypes, m: int, window: int) -> None:
    pairs = WindowPairs(np.arange(m), np.ones(m, np.int8), 100 * np.arange(m), window, None)
    for start in range(0, pairs.total, BATCH):
        data.pair_sums(pairs.between(start, min(start + BATCH, pairs.total)))


def plink(benchmark: Any, program: str, size: Size, *options: str, rounds: int) -> None:
    if which(program) is None:
        pytest.skip(f"{program} is missing")
    prefix = plink_files(size)
    out = str(prefix.with_name(program))
    command = [program, "--bfile", str(prefix), "--keep-allele-order", *options, "--out", out]
    run = (subprocess.run, (command,), {"check": True, "stdout": subprocess.DEVNULL})
    benchmark.pedantic(*run, rounds=rounds, warmup_rounds=1 if rounds > 1 else 0)


@sizes
def test_counts(benchmark: Any, size: Size) -> None:
    with BedFile(plink_files(size).with_suffix(".bed"), *size) as bed:
        data = genotypes(bed)
        benchmark.pedantic(data.counts, (0, size[1]), rounds=5, warmup_rounds=1)


@sizes
def test_counts_as_a_process(benchmark: Any, size: Size) -> None:
    prefix = plink_files(size)
    command = [sys.executable, "-m", "benchmarks.test_kernels", str(prefix), *map(str, size)]
    run = (subprocess.run, (command,), {"check": True, "cwd": ROOT})
    benchmark.pedantic(*run, rounds=5, warmup_rounds=1)


@sizes
@pytest.mark.parametrize("program", ["plink1.9", "plink2"])
def test_counts_by_plink(benchmark: Any, program: str, size: Size) -> None:
    plink(benchmark, program, size, "--freq", "counts", rounds=5)


@sizes
def test_association_by_plink(benchmark: Any, size: Size) -> None:
    plink(benchmark, "plink1.9", size, "--assoc", rounds=3)


@windows
@sizes
def test_pair_sums(benchmark: Any, size: Size, window: int) -> None:
    with BedFile(plink_files(size).with_suffix(".bed"), *size) as bed:
        data = genotypes(bed)
        benchmark.pedantic(pairs_in_batches, (data, size[1], window), rounds=3, warmup_rounds=1)


@windows
@sizes
def test_r2_by_plink(benchmark: Any, size: Size, window: int) -> None:
    plink(benchmark, "plink1.9", size, "--r2", "--ld-window", str(window), rounds=1)


if __name__ == "__main__":
    with BedFile(Path(sys.argv[1]).with_suffix(".bed"), int(sys.argv[2]), int(sys.argv[3])) as file:
        genotypes(file).counts(0, file.n_variants)
