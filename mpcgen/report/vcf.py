"""Allele frequencies as a sites-only VCF 4.3 (AC, AN, AF), sorted as VCF demands.

Contigs are named 1-22, X, Y and MT without lengths; the pseudo-autosomal part (PLINK's XY) is part
of X. INFO flag PR marks a REF that is not known to be the reference's. An allele that the site list
does not know (0) is N as REF and '.' as ALT; without an ALT there is no AC and no AF.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.chromosomes import NAMES, XY, X, names_of
from mpcgen.genome.columns import Strings, matches, repeated, rows_joined, take
from mpcgen.genome.sites import SiteList
from mpcgen.report.files import replacing
from mpcgen.report.text import among, lines, texts, where

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
    sites: SiteList,
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
    _refuse_other(sites.ref, REF_FORM, "REF", sites)
    _refuse_other(sites.alt, ALT_FORM, "ALT", sites)
    contig = np.where(sites.chrom == XY, X, sites.chrom).astype(np.int8)
    rows = np.lexsort((sites.pos, contig))
    alt = _or(take(sites.alt, rows), ".", "0")
    dots = repeated(".", len(rows))
    columns = [
        names_of(contig[rows]),
        sites.pos[rows],
        _or(take(sites.id, rows), ".", ""),
        _or(take(sites.ref, rows), "N", "0", "."),
        alt,
        dots,
        dots,
        _info(alt, ac[rows], an[rows], ref_known),
    ]
    with replacing(path) as file:
        file.write("".join(f"{line}\n" for line in _header(contig, alt)).encode())
        file.writelines(lines(columns))


def _header(contig: NDArray[np.int8], alt: Strings) -> Iterator[str]:
    yield "##fileformat=VCFv4.3"
    yield "##source=mpcgen"
    for code in np.bincount(contig).nonzero()[0]:
        yield f"##contig=<ID={NAMES[code]}>"
    for name, number, kind, meaning in INFO:
        yield f'##INFO=<ID={name},Number={number},Type={kind},Description="{meaning}">'
    symbols = {str(allele)[1:-1] for allele in alt.unique().to_pylist() if str(allele)[0] == "<"}
    for symbol in sorted(symbols):
        yield f'##ALT=<ID={symbol},Description="{SYMBOLS.get(symbol, "Symbolic allele")}">'
    yield COLUMNS


def _info(
    alt: Strings, ac: NDArray[np.integer], an: NDArray[np.integer], ref_known: bool
) -> Strings:
    """AC, AN, AF and PR of each row; AN and PR alone where there is no ALT."""
    af = np.divide(ac, an, out=np.full(len(an), np.nan), where=an > 0)
    called, flag = texts(an), "" if ref_known else ";PR"
    without = rows_joined("", "AN=", called, flag)
    full = rows_joined("", "AC=", texts(ac), ";AN=", called, ";AF=", texts(af), flag, null=".")
    return where(among(alt, "."), without, full)


def _or(column: Strings, word: str, *unknown: str) -> Strings:
    """A column with one word for what stands for unknown."""
    return where(among(column, *unknown), repeated(word, len(column)), column)


def _refuse_other(column: Strings, form: str, what: str, sites: SiteList) -> None:
    """Raise where a value of an allele column does not have the form."""
    wrong = ~matches(column, form)
    if wrong.any():
        i, n = int(wrong.argmax()), int(wrong.sum())
        place = f"{NAMES[sites.chrom[i]]}:{sites.pos[i]} ({sites.id[i]})"
        raise InputError(
            f"VCF cannot hold {what} {column[i]} of {place}, one of {n} such alleles: "
            "it takes bases A, C, G, T, N, and as ALT also * and symbols like <DEL>"
        )
