"""Result files and plots of m variants; all times include the sync to the disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgen.genome.columns import repeated
from mpcgen.genome.sites import SiteList
from mpcgen.report import drawing, plots
from mpcgen.report.columns import LD_SITES, leading
from mpcgen.report.layouts import Floats, Layout, Plot
from mpcgen.report.region import strongest_region
from mpcgen.report.tables import PValue, table_writer, write_table
from mpcgen.report.vcf import write_sites_vcf
from tests.site_lists import site_list

LD = (*LD_SITES, "N", "R", "R2")
COLUMNS = (
    "A1", "A1_CASE_CT", "CASE_ALLELE_CT", "A1_CTRL_CT", "CTRL_ALLELE_CT", "TEST", "OBS_CT",
    "CHISQ", "DF", "OR", "SE", "L95", "U95", "P", "NEG_LOG10_P",
)  # fmt: skip

hundred_thousand = pytest.mark.parametrize("m", [100_000], ids=lambda m: f"m{m}")
up_to_a_million = pytest.mark.parametrize("m", [100_000, 1_000_000], ids=lambda m: f"m{m}")


def sites_of(m: int) -> SiteList:
    rng = np.random.default_rng(1)
    chrom = np.sort(rng.integers(1, 23, m))
    names = [f"rs{i}" for i in rng.integers(1, 10**8, m)]
    return site_list(chrom, rng.integers(1, 10**8, m), names, "A" * m, "G" * m)


def scores(m: int) -> Floats:
    return np.random.default_rng(2).exponential(0.4343, m)


def association(sites: SiteList) -> dict[str, Any]:
    rng, m = np.random.default_rng(3), len(sites)
    table = leading(sites)
    for name in COLUMNS:
        table[name] = rng.integers(0, 20_000, m) if name.endswith("_CT") else rng.random(m)
    text = {"A1": sites.alt, "TEST": repeated("ALLELIC", m), "DF": np.ones(m, np.int64)}
    score = scores(m)
    return table | text | {"P": PValue(score), "NEG_LOG10_P": score}


@hundred_thousand
@pytest.mark.parametrize("kind", ["tsv", "parquet"])
def test_association_table(benchmark: Any, tmp_path: Path, kind: str, m: int) -> None:
    benchmark(write_table, tmp_path / f"table.{kind}", association(sites_of(m)), kind)


@hundred_thousand
def test_sites_vcf(benchmark: Any, tmp_path: Path, m: int) -> None:
    count = np.arange(m)
    benchmark(
        write_sites_vcf, tmp_path / "sites.vcf", sites_of(m), count, 2 * m - count, ref_known=False
    )


@pytest.mark.parametrize("pairs", [1_000_000], ids=lambda pairs: f"pairs{pairs}")
def test_ld_table_in_batches(benchmark: Any, tmp_path: Path, pairs: int) -> None:
    batch = 100_000
    sites = sites_of(batch)
    chrom, pos, name = leading(sites)["#CHROM"], sites.pos, sites.id
    r = np.random.default_rng(4).random(batch)
    columns = (chrom, pos, name, chrom, pos, name, pos, r, r * r)

    def write() -> None:
        with table_writer(tmp_path / "ld.tsv", LD) as table:
            for _ in range(0, pairs, batch):
                table.write(dict(zip(LD, columns, strict=True)))

    benchmark.pedantic(write, rounds=3)


def draw(folder: Path, layout: Layout) -> None:
    drawing.draw(Plot(folder / "plot", "A plot", layout))


@up_to_a_million
def test_manhattan(benchmark: Any, tmp_path: Path, m: int) -> None:
    sites, score = sites_of(m), scores(m)
    benchmark(lambda: draw(tmp_path, plots.manhattan(sites, score)))


@up_to_a_million
def test_qq(benchmark: Any, tmp_path: Path, m: int) -> None:
    score = scores(m)
    benchmark(lambda: draw(tmp_path, plots.quantiles(score, 1.0)))


@pytest.mark.parametrize("variants", [1_000], ids=lambda n: f"variants{n}")
def test_ld_map(benchmark: Any, tmp_path: Path, variants: int) -> None:
    sites = sites_of(variants)
    i, j = np.triu_indices(variants, 1)
    r2 = np.random.default_rng(5).random(len(i))
    benchmark(lambda: draw(tmp_path, strongest_region(sites, i, j, r2)))
