import gzip
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpcgen.errors import InputError
from mpcgen.genome.sites import SiteList
from mpcgen.report.gwas_ssf import LONGEST, StudyMetadata, Written, write_gwas_ssf
from mpcgen.report.tables import read_table
from tests.conftest import missing
from tests.site_lists import site_list

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "validator"
VALIDATOR = ("gwas-sumstats-tools==1.0.25", "numpy<2", "click<8.2", "six")
COLUMNS = (
    "chromosome", "base_pair_location", "effect_allele", "other_allele", "odds_ratio",
    "standard_error", "effect_allele_frequency", "neg_log_10_p_value", "variant_id", "rsid",
    "ci_upper", "ci_lower", "n",
)  # fmt: skip
METADATA = StudyMetadata(
    genome_assembly="GRCh36",
    trait_description=('a "simulated": trait', "naïve"),
    sample_ancestry_category=("European", "East Asian"),
    genotyping_technology=("Genome-wide genotyping array",),
    case_count=382,
    control_count=566,
    date_metadata_last_modified=date(2026, 11, 23),
    analysis_software="mpcgen 0.1.0",
    author_notes="Three institutions\nin one computation",
)
Validate = Callable[[Path, int], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def validator() -> Path:
    """Folder of the official validator's programs, in an environment of its own (Python 3.11)."""
    CACHE.parent.mkdir(exist_ok=True)
    with CACHE.with_suffix(".lock").open("w") as lock:
        flock(lock, LOCK_EX)  # other workers wait until it is there
        if not (CACHE / "installed").exists():
            install_validator()
            (CACHE / "installed").touch()
    return CACHE / "bin"


def install_validator() -> None:
    python = sys.executable if sys.version_info < (3, 12) else shutil.which("python3.11")
    if python is None:
        missing("python3.11, the newest that gwas-sumstats-tools runs on")
    subprocess.run([str(python), "-m", "venv", "--clear", CACHE], check=True)
    pip = [str(CACHE / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    if subprocess.run([*pip, *VALIDATOR], check=False).returncode:
        missing("gwas-sumstats-tools, which the package registry did not give")


@pytest.fixture(scope="session")
def validate(validator: Path) -> Validate:
    def run(path: Path, rows: int) -> subprocess.CompletedProcess[str]:
        command = [str(validator / "gwas-ssf"), "validate", "-m", str(rows), str(path)]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    return run


def plink_table(folder: Path) -> tuple[SiteList, dict[str, Any]]:
    """PLINK's allelic test of a data set as our sites and columns."""
    bim = np.loadtxt(folder / "pooled.bim", dtype=str)
    sites = site_list(bim[:, 0].astype(int), bim[:, 3].astype(int), *(bim[:, i] for i in (1, 5, 4)))
    with gzip.open(folder / "oracle" / "p1.assoc.gz", "rt") as file:
        rows = np.loadtxt((line.replace(" NA", " nan") for line in file), dtype=str)
    printed = dict(zip(rows[0], rows[1:].T, strict=True))
    table: dict[str, Any] = {
        name: printed[name].astype(float) for name in ("OR", "SE", "L95", "U95")
    }
    people = np.array([382, 566])
    for group, n, share in zip(("CASE", "CTRL"), people, ("F_A", "F_U"), strict=True):
        frequency = np.nan_to_num(printed[share].astype(float))
        table[f"A1_{group}_CT"] = np.rint(frequency * 2 * n).astype(int)
        table[f"{group}_ALLELE_CT"] = np.full(len(sites), 2 * n)
    table["NEG_LOG10_P"] = -np.log10(printed["P"].astype(float))
    table["OBS_CT"] = np.full(len(sites), people.sum())
    return sites, table


def test_real_association_is_valid(tmp_path: Path, open_data: Path, validate: Validate) -> None:
    sites, table = plink_table(open_data / "hm3_pops")
    path = tmp_path / "association.tsv"
    written = write_gwas_ssf(path, sites, table, METADATA)
    done = validate(path, written.rows)
    assert done.returncode == 0, done.stdout
    assert "Data table is valid" in done.stdout
    finite = np.isfinite([table[name] for name in ("OR", "SE", "NEG_LOG10_P")]).all(axis=0)
    alleles = np.array([sites.ref.to_pylist(), sites.alt.to_pylist()])
    kept = np.flatnonzero(finite & np.isin(alleles, list("ACGT")).all(axis=0))
    assert 0 < written.rows == len(kept)
    assert written.rows + written.left_out == len(sites)
    back = read_table(path)
    chrom = np.select([sites.chrom == 25, sites.chrom == 26], [23, 25], sites.chrom)
    columns = (chrom, sites.pos, *alleles, table["OR"])
    assert dict(zip(back["variant_id"], back["odds_ratio"], strict=True)) == {
        f"{c}_{pos}_{ref}_{alt}": odds
        for c, pos, ref, alt, odds in zip(*(column[kept] for column in columns), strict=True)
    }
    assert back.set_index(["chromosome", "base_pair_location"]).index.is_monotonic_increasing
    assert set(back["chromosome"]) == set(range(1, 24)) | {25}
    assert validate(path, written.rows + 1).returncode != 0


def test_alleles_that_no_reader_of_the_format_holds_are_left_out(
    tmp_path: Path, validate: Validate
) -> None:
    """A variant's id has both alleles, and the official validator takes no field above 131,072."""
    sizes = np.array([*[1] * 21, LONGEST // 2, LONGEST // 2 + 1, 150_000])
    m = len(sizes)
    chrom = np.minimum(np.arange(1, m + 1), 22)
    sites = site_list(chrom, chrom, "." * m, *(["C" * n for n in sizes], ["A" * n for n in sizes]))
    names = "A1_CASE_CT", "A1_CTRL_CT", "OR", "SE", "L95", "U95", "NEG_LOG10_P"
    table = dict.fromkeys(names, np.full(m, 1.5))
    table |= dict.fromkeys(("CASE_ALLELE_CT", "CTRL_ALLELE_CT", "OBS_CT"), np.full(m, 20))
    path = tmp_path / "long.tsv"
    written = write_gwas_ssf(path, sites, table, METADATA)
    assert written == Written(rows=22, undefined=0, other_alleles=0, long_alleles=2)
    assert written.left_out == 2
    done = validate(path, written.rows)
    assert done.returncode == 0, done.stdout


def test_a_simulated_study_of_full_size_is_valid(tmp_path: Path, validate: Validate) -> None:
    """100,000 rows, which is what the validator asks for; p from 1 to far below float64."""
    rng, m = np.random.default_rng(1), 100_000
    chrom, pos = rng.integers(1, 27, m), rng.integers(1, 10**8, m)
    words = (rng.choice(list(letters), m) for letters in ("AC", "AC", "GT"))
    counts = rng.integers(1, 5_000, (4, m))
    odds, error = np.exp(rng.normal(size=m)), rng.uniform(0.01, 1, m)
    table = {
        "OR": odds,
        "SE": error,
        "L95": odds * np.exp(-1.96 * error),
        "U95": odds * np.exp(1.96 * error),
        "NEG_LOG10_P": rng.integers(0, 3, m) * rng.exponential(0.5, m) ** 12,
        "A1_CASE_CT": counts[0],
        "A1_CTRL_CT": counts[1],
        "CASE_ALLELE_CT": counts[0] + counts[2],
        "CTRL_ALLELE_CT": counts[1] + counts[3],
        "OBS_CT": counts.sum(axis=0) // 2,
    }
    path = tmp_path / "simulated.tsv"
    assert write_gwas_ssf(path, site_list(chrom, pos, *words), table, METADATA).rows == m
    done = validate(path, m)
    assert done.returncode == 0, done.stdout


def corner_cases() -> tuple[SiteList, dict[str, Any]]:
    """Twenty-two plain rows, one a chromosome, then rows that each try one thing."""
    cases: list[tuple[int, int, str, str, str, float, float, float, float]] = [
        (c, 100, f"rs{c}", "A", "G", 1.5, 0.1, 1.25, 8.5) for c in range(1, 23)
    ]
    cases += [
        (23, 80, "x", "ac", "a", 0.5, 0.1, 4e3, 1.0),  # p far below float64; lower case
        (25, 70, "par", "A", "T", 1.0, 0.1, 0.0, np.inf),  # p = 1; an interval without end
        (24, 60, "y", "A", "T", 2.0, 0.1, 1e-17, 3.0),
        (26, 50, "rs1;rs2", "A", "T", 2.0, 1e-5, 2.5, 3.0),
        (1, 5, "zero", "A", "T", 0.0, np.inf, 3.0, 3.0),  # OR = 0
        (1, 6, "undefined", "A", "T", np.nan, np.nan, np.nan, np.nan),
        (1, 7, "symbol", "A", "<DEL>", 2.0, 0.1, 3.0, 3.0),
        (1, 8, "coded", "1", "2", np.nan, 0.1, 3.0, 3.0),
    ]
    chrom, pos, name, ref, alt, *values = zip(*cases, strict=True)
    sites = site_list(chrom, pos, name, ref, alt)
    m = len(cases)
    table: dict[str, Any] = dict(
        zip(("OR", "SE", "NEG_LOG10_P", "U95"), map(np.array, values), strict=True)
    )
    table["L95"] = np.ones(m)
    table["A1_CASE_CT"], table["A1_CTRL_CT"] = np.full(m, 7), np.full(m, 8)
    table["CASE_ALLELE_CT"], table["CTRL_ALLELE_CT"] = np.full(m, 20), np.full(m, 40)
    table["OBS_CT"] = np.full(m, 30)
    return sites, table


def test_corner_cases_are_valid(tmp_path: Path, validate: Validate) -> None:
    path = tmp_path / "corner.tsv"
    written = write_gwas_ssf(path, *corner_cases(), METADATA)
    assert written == Written(rows=26, undefined=2, other_alleles=2)
    assert written.left_out == 4
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert tuple(rows[0]) == COLUMNS
    one = ["1", "100", "G", "A", "1.5", "0.1", "0.25", "1.25", "1_100_A_G", "rs1", "8.5", "1"]
    assert rows[1] == [*one, "30"]
    last = {row[8]: (row[0], row[7], row[9], row[10]) for row in rows[-4:]}
    assert last == {
        "23_70_A_T": ("23", "1e-300", "#NA", "#NA"),
        "23_80_AC_A": ("23", "4000", "#NA", "1"),
        "24_60_A_T": ("24", "1e-17", "#NA", "3"),
        "25_50_A_T": ("25", "2.5", "#NA", "3"),
    }
    done = validate(path, 26)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("broken", ["effect_allele", "neg_log_10_p_value", "chromosome"])
def test_the_validator_does_refuse(tmp_path: Path, validate: Validate, broken: str) -> None:
    path = tmp_path / "broken.tsv"
    write_gwas_ssf(path, *corner_cases(), METADATA)
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    rows[3][rows[0].index(broken)] = "-1"
    path.write_text("".join("\t".join(row) + "\n" for row in rows))
    assert validate(path, 26).returncode != 0


def test_metadata_is_what_the_catalog_reads(tmp_path: Path, validator: Path) -> None:
    path = tmp_path / "corner.tsv"
    write_gwas_ssf(path, *corner_cases(), METADATA)
    script = (
        "import sys, yaml; from gwas_sumstats_tools.schema.metadata import SumStatsMetadata;"
        "data = yaml.safe_load(open(sys.argv[1], encoding='utf-8'));"
        "model = SumStatsMetadata.parse_obj(data);"
        "assert set(data) <= set(model.dict()); print(model.json(exclude_none=True))"
    )
    done = subprocess.run(
        [validator / "python", "-c", script, f"{path}-meta.yaml"],
        check=True,
        capture_output=True,
        text=True,
    )
    checksum = subprocess.run(["md5sum", path], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == {
        "author_notes": METADATA.author_notes,
        "date_metadata_last_modified": "2026-11-23",
        "trait_description": list(METADATA.trait_description),
        "genome_assembly": "GRCh36",
        "coordinate_system": "1-based",
        "genotyping_technology": ["Genome-wide genotyping array"],
        "samples": [
            {
                "sample_ancestry_category": ["European", "East Asian"],
                "sample_size": 948,
                "case_control_study": True,
                "case_count": 382,
                "control_count": 566,
            }
        ],
        "data_file_name": "corner.tsv",
        "file_type": "GWAS-SSF v1.0",
        "data_file_md5sum": checksum.stdout.split()[0],
        "analysis_software": "mpcgen 0.1.0",
        "is_harmonised": False,
        "is_sorted": True,
    }


def test_a_test_without_effects_leaves_no_file(tmp_path: Path) -> None:
    sites, table = corner_cases()
    table["OR"] = table["SE"] = np.full(len(sites), np.nan)
    written = write_gwas_ssf(tmp_path / "genotypic.tsv", sites, table, METADATA)
    assert written == Written(rows=0, undefined=28, other_alleles=2)
    assert not list(tmp_path.iterdir())


def test_wrong_names_and_metadata_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"named \*\.tsv"):
        write_gwas_ssf(tmp_path / "table.txt", *corner_cases(), METADATA)
    with pytest.raises(InputError, match="trait_description must not be empty"):
        replace(METADATA, trait_description=())
    with pytest.raises(InputError, match="genotyping_technology must not be empty"):
        replace(METADATA, genotyping_technology=("",))
    with pytest.raises(InputError, match="must be positive"):
        replace(METADATA, control_count=0)
