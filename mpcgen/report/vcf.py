"""Allele frequencies as a sites-only VCF 4.3 (AC, AN, AF), sorted as VCF demands.

Contigs are named 1-22, X, Y and MT without lengths; the pseudo-autosomal part (PLINK's XY) is part
of X. INFO flag PR marks a REF that is not known to be the reference's. An allele that the site list
does not know (0) is N as REF and '.' as ALT; without an ALT there is no AC and no AF.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.report.columns import VCF_NAMES, XY, SiteColumns, X, chrom_names
from mpcgen.report.files import replacing
from mpcgen.report.text import among, filled, joined, lines, matches, texts, where

INFO = (
    ("AC", "A", "Integer", "Alternate alleles counted, all institutions together"),
    ("AN", "1", "Integer", "Called alleles counted, all institutions together"),
    ("AF", "A", "Float", "Alternate allele frequency, AC / AN"),
    ("PR", "0", "Flag", "REF is not known to be the reference allele"),
)
SYMBOLS = {
    "DEL": "Deletion",
    "INS": "Insertion",
    "DUP": "Duplication",
    "INV": "Inversion",
    "CNV": "Copy number variant",
}
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
REF_FORM = r"^([ACGTNacgtn]+|0|\.)$"
ALT_FORM = r"^([ACGTNacgtn]+|0|\.|\*|<[^<>\s,;=]+>)$"


def write_sites_vcf(
    path: Path | str,
    sites: SiteColumns,
    ac: NDArray[np.integer],
    an: NDArray[np.integer],
    *,
    ref_known: bool,
) -> None:
    """Write AC and AN, int (m,), and AF = AC / AN of all sites; AF is '.' where AN is 0.

    `ref_known` is False where REF is not known to be the reference (always from a .bim).

    Raises:
        InputError: VCF cannot hold an allele, like 1/2 or I/D; nothing is written.
    """
    import pyarrow as pa  # noqa: PLC0415

    _refuse_other(sites.ref, REF_FORM, "REF", sites)
    _refuse_other(sites.alt, ALT_FORM, "ALT", sites)
    contig = np.where(sites.chrom == XY, X, sites.chrom)
    rows = sites.order(contig)
    alt = _or(sites.alt.take(rows), ".", ("0",))
    dots = pa.repeat(".", len(rows))
    columns = [
        chrom_names(contig[rows], VCF_NAMES),
        sites.pos[rows],
        _or(sites.id.take(rows), ".", ("",)),
        _or(sites.ref.take(rows), "N", ("0", ".")),
        alt,
        dots,
        dots,
        _info(alt, np.asarray(ac)[rows], np.asarray(an)[rows], ref_known),
    ]
    with replacing(path) as file:
        file.write("".join(f"{line}\n" for line in _header(contig, alt)).encode())
        file.writelines(lines(columns))


def _header(contig: NDArray[np.integer], alt: Any) -> Iterator[str]:
    yield "##fileformat=VCFv4.3"
    yield "##source=mpcgen"
    for code in np.unique(contig):
        yield f"##contig=<ID={VCF_NAMES[code]}>"
    for name, number, kind, meaning in INFO:
        yield f'##INFO=<ID={name},Number={number},Type={kind},Description="{meaning}">'
    for name in sorted(symbol[1:-1] for symbol in alt.unique().to_pylist() if symbol[0] == "<"):
        yield f'##ALT=<ID={name},Description="{SYMBOLS.get(name, "Symbolic allele")}">'
    yield COLUMNS


def _info(alt: Any, ac: NDArray[np.integer], an: NDArray[np.integer], ref_known: bool) -> Any:
    """AC, AN, AF and PR of each row; AN and PR alone where there is no ALT."""
    af = np.divide(ac, an, out=np.full(len(an), np.nan), where=an > 0)
    an_text, flag = texts(an), "" if ref_known else ";PR"
    full = joined("", "AC=", texts(ac), ";AN=", an_text, ";AF=", filled(texts(af), "."), flag)
    return where(among(alt, (".",)), joined("", "AN=", an_text, flag), full)


def _or(column: Any, word: str, unknown: tuple[str, ...]) -> Any:
    """A column with one word for null and for what stands for unknown."""
    column = filled(column, word)
    return where(among(column, unknown), word, column)


def _refuse_other(column: Any, form: str, what: str, sites: SiteColumns) -> None:
    """Raise where a value of an allele column does not have the form."""
    wrong = ~matches(filled(column, "."), form)
    if wrong.any():
        i = int(wrong.argmax())
        place = f"{VCF_NAMES[sites.chrom[i]]}:{sites.pos[i]} ({sites.id[i]})"
        raise InputError(
            f"VCF cannot hold {what} {column[i]} of {place}, nor {int(wrong.sum()) - 1} more: "
            "it takes bases A, C, G, T, N, and as ALT also * and symbols like <DEL>"
        )
