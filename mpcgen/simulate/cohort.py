"""A simulated cohort as files."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.report.folders import replacing_folder
from mpcgen.simulate.founders import POPULATIONS, import_msprime
from mpcgen.simulate.genotypes import Block, Site, blocks, chromosomes
from mpcgen.simulate.mosaic import bed_rows, dosages
from mpcgen.simulate.people import People, draw_people, phenotype, write_lines, write_people

SMALLEST_SD = 1e-3  # of a dosage; below it nobody carries the variant
MAGIC = b"\x6c\x1b\x01"


def simulate_cohort(
    out: Path | str,
    *,
    people: int,
    variants: int,
    institutions: tuple[str, ...] = ("A", "B", "C"),
    shares: tuple[float, ...] | None = None,
    autosomes: int = 22,
    sex_chromosomes: bool = False,
    causal: int = 30,
    heritability: float = 0.3,
    cases: float = 0.4,
    stratification: float = 0.1,
    missing: float = 0.002,
    missing_phenotype: float = 0.0,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a cohort to the folder `out`, new or empty; the same arguments give the same bytes.

    NAME.bed .bim .fam .pheno.tsv  one set an institution; A1 of the .bim is alt, the derived allele
    pooled.bed .bim .fam           everybody, the institutions one after the other
    sites.tsv causal.tsv           the site list; the causal variants and their effects
    people.tsv                     institution and ancestry of everybody

    shares           of the people, one an institution (equal if None)
    autosomes        1 to 22 that share the variants evenly
    sex_chromosomes  give 5 % of the variants to X, 1 % to Y and at most 1 % (200) to MT
    causal           variants on autosomes, with equal parts of the `heritability` of the liability
    cases            fraction of the people, those of highest liability
    stratification   standard deviations of liability that the last institution has above the
                     middle and the first below: with ancestries that differ it confounds a test
                     that ignores institutions; a Cochran-Mantel-Haenszel test is free of it
    missing          fraction of the genotypes; missing_phenotype: of the people
    progress         called with (variants done, all variants)

    Raises InputError for arguments that make no cohort, MpcgenError without msprime; then nothing
    is left behind.
    """
    _check_fractions(
        heritability=heritability, cases=cases, missing=missing, missing_phenotype=missing_phenotype
    )
    out = Path(out)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise InputError("this exists already; name a new folder", path=out)
    if seed < 0 or causal < 0:
        raise InputError(f"seed and causal are not negative, but {seed} and {causal}")
    plan = chromosomes(variants, autosomes, sex_chromosomes)
    own, *streams = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(1 + len(plan)))
    everybody = draw_people(people, institutions, shares, own)
    import_msprime()
    signs = own.choice([-1.0, 1.0], causal)
    effects = np.array_split(signs * np.sqrt(heritability / max(causal, 1)), autosomes)
    made = _reported(blocks(plan, streams, everybody, effects, missing), variants, progress)
    with replacing_folder(out) as draft:
        genetic = _write_genotypes(draft, made, everybody)
        status = phenotype(
            everybody,
            genetic,
            own,
            heritability=heritability,
            cases=cases,
            stratification=stratification,
            missing=missing_phenotype,
        )
        write_people(draft, everybody, status)


def _check_fractions(**fractions: float) -> None:
    """Raise InputError unless all of them lie in [0, 1)."""
    for name, value in fractions.items():
        if not 0 <= value < 1:
            raise InputError(f"{name} is a fraction, at least 0 and below 1, not {value}")


def _reported(
    made: Iterable[Block], variants: int, progress: Callable[[int, int], None] | None
) -> Iterable[Block]:
    """Yield the blocks, and after each call `progress`."""
    done = 0
    for block in made:
        yield block
        done += len(block.sites)
        if progress is not None:
            progress(done, variants)


def _write_genotypes(out: Path, made: Iterable[Block], everybody: People) -> NDArray[np.float64]:
    """Write .bed, .bim, sites.tsv and causal.tsv; return the genetic part of the liability (N,)."""
    genetic = np.zeros(len(everybody.iid))
    sites: list[Site] = []
    causal: list[tuple[Site, float]] = []
    with ExitStack() as stack:
        beds = [
            (stack.enter_context((out / f"{name}.bed").open("wb")), start, stop)
            for name, start, stop in everybody.parts()
        ]
        for bed, _, _ in beds:
            bed.write(MAGIC)
        for block in made:
            sites += block.sites
            for bed, start, stop in beds:
                bed.write(bed_rows(block.planes, start, stop)[: len(block.sites)].tobytes())
            for row, effect in sorted(block.effects.items()):
                excess = _centred(dosages(block.planes, row), everybody.ancestry)
                per_allele = effect / max(float(excess.std()), SMALLEST_SD)
                genetic += excess * per_allele
                causal.append((block.sites[row], per_allele))
    _write_sites(out, sites, causal, [name for name, _, _ in everybody.parts()])
    return genetic


def _centred(dosage: NDArray[np.float64], ancestry: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the dosages (N,) less their mean in each ancestry, 0 where missing.

    So ancestry is associated with the phenotype through the institutions alone.
    """
    known = ~np.isnan(dosage)
    people, total = (
        np.bincount(ancestry[known], weights, minlength=len(POPULATIONS))
        for weights in (None, dosage[known])
    )
    means = total / np.maximum(people, 1)
    excess: NDArray[np.float64] = np.where(known, dosage - means[ancestry], 0.0)
    return excess


def _write_sites(
    out: Path, sites: list[Site], causal: list[tuple[Site, float]], names: list[str]
) -> None:
    """Write the tables of variants; `names` are those of the .bim files."""
    bim = [f"{s.chrom}\t{s.id}\t0\t{s.pos}\t{s.alt}\t{s.ref}" for s in sites]
    for name in names:
        write_lines(out / f"{name}.bim", bim)
    head = "CHROM\tPOS\tID\tREF\tALT"
    rows = ["\t".join(map(str, site)) for site in sites]
    write_lines(out / "sites.tsv", [head, *rows])
    rows = ["\t".join(map(str, site)) + f"\t{effect:.6f}" for site, effect in causal]
    write_lines(out / "causal.tsv", [f"{head}\tLIABILITY_PER_ALT", *rows])
