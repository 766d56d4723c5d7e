"""PLINK files as arrays that tests cut, shuffle and write again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HOM_ALT, MISSING, HET, HOM_REF = range(4)  # .bed's codes; alt is column 5 of the .bim
FATHER, MOTHER, SEX, PHENOTYPE = range(2, 6)  # columns of the .fam


@dataclass(frozen=True)
class Files:
    """bim (m, 6) and fam (N, 6), texts; codes (m, N) as .bed has them."""

    bim: NDArray[Any]
    fam: NDArray[Any]
    codes: NDArray[np.uint8]

    @classmethod
    def read(cls, bfile: Path) -> "Files":
        """Read bfile.bed, .bim and .fam."""
        bim, fam = (_rows(bfile.with_suffix(suffix)) for suffix in (".bim", ".fam"))
        data = np.frombuffer(bfile.with_suffix(".bed").read_bytes()[3:], np.uint8)
        quads = data.reshape(len(bim), -1, 1) >> np.array([0, 2, 4, 6], np.uint8) & np.uint8(3)
        return cls(bim, fam, quads.reshape(len(bim), -1)[:, : len(fam)].astype(np.uint8))

    def write(self, bfile: Path) -> Path:
        """Write bfile.bed, .bim and .fam; returns bfile."""
        m, people = self.codes.shape
        codes = np.zeros((m, -(-people // 4) * 4), np.uint8)
        codes[:, :people] = self.codes
        packed = codes.reshape(m, -1, 4) @ np.array([1, 4, 16, 64], np.uint8)
        bfile.with_suffix(".bed").write_bytes(b"\x6c\x1b\x01" + packed.tobytes())
        for suffix, rows in ((".bim", self.bim), (".fam", self.fam)):
            text = "".join("\t".join(row) + "\n" for row in rows)
            bfile.with_suffix(suffix).write_text(text)
        return bfile

    def people(self, chosen: NDArray[Any]) -> "Files":
        """The files of some people, by index or mask."""
        return Files(self.bim, self.fam[chosen], self.codes[:, chosen])

    def parts(self, of: NDArray[np.int64], count: int) -> list["Files"]:
        """The files of `count` institutions; of (N,) says whose each person is."""
        return [self.people(of == part) for part in range(count)]


def pooled(parts: Sequence[Files]) -> Files:
    """The files of everybody; the variants are the first part's."""
    return Files(
        parts[0].bim,
        np.concatenate([part.fam for part in parts]),
        np.concatenate([part.codes for part in parts], axis=1),
    )


def random_files(seed: int, chromosomes: Sequence[int], of_each: int, people: int) -> Files:
    """Any genotype on any chromosome, any sex, a fifth without a phenotype, a third with a parent.

    So there are heterozygous haploids, females with Y and people of unknown sex.
    """
    rng = np.random.default_rng(seed)
    chrom = np.repeat(chromosomes, of_each)
    alt = rng.uniform(0.05, 0.95, (len(chrom), 1))
    dosage = rng.binomial(2, alt, (len(chrom), people))
    codes = np.array([HOM_REF, HET, HOM_ALT], np.uint8)[dosage]
    codes[rng.random(codes.shape) < 0.05] = MISSING
    bim = [(str(c), f"v{j}", "0", str(j + 1), "A", "G") for j, c in enumerate(chrom)]
    parents = rng.choice(["0", "0", "p"], (2, people), p=(0.5, 0.3, 0.2))
    sex = rng.choice(["0", "1", "2"], people, p=(0.2, 0.4, 0.4))
    phenotype = rng.choice(["1", "2", "-9"], people, p=(0.45, 0.35, 0.2))
    names = [f"i{i}" for i in range(people)]
    fam = np.array([names, names, *parents, sex, phenotype]).T
    return Files(np.array(bim), fam, codes)


def _rows(path: Path) -> NDArray[Any]:
    return np.array([line.split() for line in path.read_text().splitlines()])
