"""The study's site list: the variants that a plan is about, in its order, pinned by a hash."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mpcgen.errors import InputError
from mpcgen.genome.bim import MAX_POSITION, chromosomes
from mpcgen.genome.chromosomes import UNKNOWN, UNPLACED, code_of, names_of, position_keys
from mpcgen.genome.columns import Strings, find, strings, tab_lines, take, to_arrow
from mpcgen.genome.site_tables import frequencies, refuse_alleles, site_table
from mpcgen.genome.text import integers, read_text


@dataclass(frozen=True, eq=False)
class SiteList:
    """m variants; a site's index is its row. The effect allele is alt, everywhere."""

    chrom: NDArray[np.int8]  # (m,) PLINK's codes
    pos: NDArray[np.int32]  # (m,) base pairs, from 1
    id: Strings  # (m,)
    ref: Strings  # (m,)
    alt: Strings  # (m,)
    frequency: NDArray[np.float64] | None = None  # (m,) of alt in a reference; NaN if unknown

    def __len__(self) -> int:
        return len(self.pos)

    @cached_property
    def chrom_names(self) -> Strings:
        """The chromosomes as 1-22, X, Y, XY, MT."""
        return names_of(self.chrom)

    @cached_property
    def sha256(self) -> str:
        r"""Hash of what the sites are, whatever file they came from.

        SHA-256, in hexadecimal, over the rows in order, each as the UTF-8 text
        'CHROM\tPOS\tREF\tALT\tID\n', CHROM as 1-22, X, Y, XY or MT, POS in decimal.
        """
        pos = to_arrow(self.pos).cast(pa.string())
        columns = (self.chrom_names, pos, self.ref, self.alt, self.id)
        return hashlib.sha256(tab_lines(columns)).hexdigest()

    @cached_property
    def frequency_sha256(self) -> str | None:
        """Hash of the frequencies, as sha256; None where the list has none.

        SHA-256 over them as little-endian float64, every NaN the same.
        """
        if self.frequency is None:
            return None
        canonical = np.where(np.isnan(self.frequency), np.nan, self.frequency)
        return hashlib.sha256(canonical.astype("<f8").tobytes()).hexdigest()

    def take(self, rows: NDArray[np.int64]) -> "SiteList":
        """Return the site list of these rows, in their order."""
        return SiteList(
            self.chrom[rows],
            self.pos[rows],
            take(self.id, rows),
            take(self.ref, rows),
            take(self.alt, rows),
            None if self.frequency is None else self.frequency[rows],
        )

    def indices_of(self, ids: Sequence[str]) -> NDArray[np.int64]:
        """Return the index of every id; InputError where it names no site, or several."""
        if len(set(ids)) < len(ids):
            ((twice, _),) = Counter(ids).most_common(1)
            raise InputError(f"the variant {twice!r} is named twice")
        wanted = strings(ids)
        rows = find(wanted, self.id)
        if (missing := np.flatnonzero(rows < 0)).size:
            raise InputError(f"the site list has no variant {ids[missing[0]]!r}")
        owner = find(self.id, wanted)
        times = np.bincount(owner[owner >= 0], minlength=len(ids))
        if (several := np.flatnonzero(times > 1)).size:
            raise InputError(f"the site list has several variants {ids[several[0]]!r}")
        return rows.astype(np.int64)

    def indices_in(self, region: str) -> NDArray[np.int64]:
        """Return the indices of the sites in '2', or '2:1000-20000' (both ends included)."""
        form = re.fullmatch(r"([^:]+)(?::(\d+)-(\d+))?", region.strip().replace(",", ""))
        chrom = UNKNOWN if form is None else code_of(form[1])
        if form is None or chrom == UNKNOWN:
            raise InputError(f"{region!r} is no region; write '2:1000-20000', or '2' for all of it")
        low, high = int(form[2] or 0), int(form[3] or 2**31)
        if low > high:
            raise InputError(f"the region {region!r} ends before it starts")
        return np.flatnonzero((self.chrom == chrom) & (self.pos >= low) & (self.pos <= high))


def read_sites(path: Path) -> SiteList:
    """Read a site list.

    A line that starts with CHROM or #CHROM makes it a VCF, .pvar or TSV, with columns CHROM POS
    ID REF ALT in any order after CHROM and the frequency of alt in a column AF or as AF= in
    INFO; a VCF's genotypes are not looked at. Without one it is a .bim: alt is column 5, ref
    column 6. gzip and zstd are unpacked.

    Raises InputError, with the line, on what is no site: an unknown or unplaced chromosome, a
    position below 1, a missing or a second alternative allele, the same variant twice.
    """
    table = site_table(path, read_text(path))
    chrom = chromosomes(table, "CHROM")
    table.refuse(chrom == UNPLACED, "the variant has no chromosome (0)")
    message = "{} is no position (a whole number from 1)"
    pos = integers(table, "POS", 1, MAX_POSITION, message)
    refuse_alleles(table, position_keys(chrom, pos))
    return SiteList(chrom, pos, table["ID"], table["REF"], table["ALT"], frequencies(table))
