"""Association in GWAS-SSF 1.0, the GWAS Catalog's format: one TSV a test, and its YAML beside it.

Paper     Hayhurst et al., A community driven GWAS summary statistics standard, bioRxiv 2022;
          github.com/EBISPOT/gwas-summary-statistics-standard
Rows      by chromosome and position; left out, and counted, are rows with an undefined or infinite
          value, with alleles other than A, C, G, T, and with alleles of more than LONGEST letters
          together, which make a variant_id that readers refuse. Tests that estimate no effect
          (genotypic, trend) thus leave no row, and then no file is written.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.chromosomes import MT, XY, X, Y
from mpcgen.genome.columns import Strings, matches, repeated, rows_joined, take
from mpcgen.genome.sites import SiteList
from mpcgen.report.files import replacing
from mpcgen.report.tables import write_table
from mpcgen.report.text import mask, texts, where

CODES = np.arange(MT + 1)
CODES[[X, Y, XY, MT]] = 23, 24, 23, 25
BASES = "^[ACGT]+$"
LONGEST = 10_000  # letters of both alleles; the official validator ends at fields of 131,072
MISSING = "#NA"
LEAST = 1e-300  # stands for -log10 p = 0: the same p = 1, and the official validator refuses 0


@dataclass(frozen=True)
class StudyMetadata:
    """What the YAML says of the study, by the GWAS Catalog's names (its metadata schema)."""

    genome_assembly: str  # GRCh37
    trait_description: tuple[str, ...]
    sample_ancestry_category: tuple[str, ...]  # European, East Asian ...
    genotyping_technology: tuple[str, ...]  # Genome-wide genotyping array ...
    case_count: int
    control_count: int
    date_metadata_last_modified: date
    analysis_software: str
    author_notes: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value in ("", ()) or (isinstance(value, tuple) and "" in value):
                raise InputError(f"GWAS-SSF metadata: {field.name} must not be empty")
        if min(self.case_count, self.control_count) < 1:
            raise InputError("GWAS-SSF metadata: case_count and control_count must be positive")


@dataclass(frozen=True)
class Written:
    """How many rows a GWAS-SSF file has, and why others are not in it (each counted once)."""

    rows: int
    undefined: int
    other_alleles: int
    long_alleles: int = 0

    @property
    def left_out(self) -> int:
        """Rows of the table that are not in the file."""
        return self.undefined + self.other_alleles + self.long_alleles


def write_gwas_ssf(
    path: Path | str, sites: SiteList, table: Mapping[str, Any], metadata: StudyMetadata
) -> Written:
    """Write PATH and PATH-meta.yaml from the association table of one test.

    `table` holds, m rows each, the columns OR, SE, L95, U95, NEG_LOG10_P, OBS_CT and the four
    allele counts of cases and controls, as columns.ASSOCIATION names them.

    Raises:
        InputError: the name does not end in .tsv, as the format demands.
    """
    path = Path(path)
    if path.suffix != ".tsv":
        raise InputError("a GWAS-SSF file must be named *.tsv", path=path)
    columns = _columns(sites, table)
    plain = matches(columns["effect_allele"], BASES) & matches(columns["other_allele"], BASES)
    short = np.asarray(pc.add(*map(pc.utf8_length, (sites.alt, sites.ref)))) <= LONGEST
    keep = plain & short & _finite(columns)
    rows = np.lexsort((sites.pos, columns["chromosome"]))
    rows = rows[keep[rows]]
    if len(rows):
        write_table(path, {name: _rows(column, rows) for name, column in columns.items()})
        with replacing(path.with_name(f"{path.name}-meta.yaml")) as file:
            file.writelines(f"{line}\n".encode() for line in _yaml(metadata, path))
    return Written(
        rows=len(rows),
        undefined=int((plain & short & ~keep).sum()),
        other_alleles=int((~plain).sum()),
        long_alleles=int((plain & ~short).sum()),
    )


def _columns(sites: SiteList, table: Mapping[str, Any]) -> dict[str, Any]:
    """All rows' columns in the format's order, undefined values still in them."""
    alt, ref = pc.utf8_upper(sites.alt), pc.utf8_upper(sites.ref)
    chrom = CODES[sites.chrom]
    score = np.asarray(table["NEG_LOG10_P"], np.float64)
    effect = np.add(table["A1_CASE_CT"], table["A1_CTRL_CT"])
    total = np.add(table["CASE_ALLELE_CT"], table["CTRL_ALLELE_CT"])
    missing = repeated(MISSING, len(sites))
    return {
        "chromosome": chrom,
        "base_pair_location": sites.pos,
        "effect_allele": alt,
        "other_allele": ref,
        "odds_ratio": np.asarray(table["OR"]),
        "standard_error": np.asarray(table["SE"]),
        "effect_allele_frequency": np.divide(
            effect, total, out=np.full(len(sites), np.nan), where=total > 0
        ),
        "neg_log_10_p_value": np.where(score == 0, LEAST, score),
        "variant_id": rows_joined("_", texts(chrom), texts(sites.pos), ref, alt),
        "rsid": where(mask(matches(sites.id, "^rs[0-9]+$")), sites.id, missing),
        "ci_upper": _limit(table["U95"]),
        "ci_lower": _limit(table["L95"]),
        "n": np.asarray(table["OBS_CT"]),
    }


def _limit(values: NDArray[np.float64]) -> Strings:
    """A confidence limit as text; one that overflows float64 is missing."""
    known = texts(np.where(np.isfinite(values), values, 0))
    return where(mask(np.isfinite(values)), known, repeated(MISSING, len(values)))


def _rows(column: Any, rows: NDArray[np.intp]) -> Any:
    return column[rows] if isinstance(column, np.ndarray) else take(column, rows)


def _finite(columns: Mapping[str, Any]) -> NDArray[np.bool_]:
    names = "odds_ratio", "standard_error", "effect_allele_frequency", "neg_log_10_p_value"
    finite: NDArray[np.bool_] = np.isfinite(np.stack([columns[n] for n in names])).all(axis=0)
    return finite


def _yaml(metadata: StudyMetadata, path: Path) -> Iterator[str]:
    """Lines of the metadata file; strings as JSON has them, which YAML reads."""
    with path.open("rb") as file:
        checksum = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if metadata.author_notes is not None:
        yield f"author_notes: {_quoted(metadata.author_notes)}"
    yield f"date_metadata_last_modified: {metadata.date_metadata_last_modified.isoformat()}"
    yield from _list("trait_description", metadata.trait_description)
    yield f"genome_assembly: {_quoted(metadata.genome_assembly)}"
    yield "coordinate_system: 1-based"
    yield from _list("genotyping_technology", metadata.genotyping_technology)
    yield "samples:"
    yield from _list("- sample_ancestry_category", metadata.sample_ancestry_category)
    yield f"  sample_size: {metadata.case_count + metadata.control_count}"
    yield "  case_control_study: true"
    yield f"  case_count: {metadata.case_count}"
    yield f"  control_count: {metadata.control_count}"
    yield f"data_file_name: {_quoted(path.name)}"
    yield "file_type: GWAS-SSF v1.0"
    yield f"data_file_md5sum: {checksum}"
    yield f"analysis_software: {_quoted(metadata.analysis_software)}"
    yield "is_harmonised: false"
    yield "is_sorted: true"


def _list(name: str, values: tuple[str, ...]) -> Iterator[str]:
    yield f"{name}:"
    yield from (f"    - {_quoted(value)}" for value in values)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
