"""One institution's genotypes, aligned to the site list: exact counts and pair sums.

The file is read in blocks of BLOCK bytes whose pages are given back afterwards, pairs in segments
of at most SEGMENT pairs of SITES sites: what stays in memory grows neither with the file nor with
the people.
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mpcgen.genome import kernels
from mpcgen.genome.bed import BedFile
from mpcgen.genome.chromosomes import Ploidy, ploidy_of
from mpcgen.genome.classes import Class
from mpcgen.genome.people import People
from mpcgen.jit import cores

BLOCK: Final = 2**25  # bytes
SITES: Final = 2048  # held as bit planes, which take about 2 * CHUNK bytes a site
SEGMENT: Final = 2**17  # pairs
LOOKED_AT_FIRST: Final = 1024  # rows
MALE: Final = 1


class AlignedRows(Protocol):
    """What counting needs of an Alignment, (m,) each."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """The site's row of the .bed, or -1."""
        ...

    @property
    def swapped(self) -> NDArray[np.bool_]:
        """The row has the site's alleles exchanged."""
        ...


# Class of the file's codes 00, 01, 10, 11 in people with two copies, and with one.
_DIPLOID: Final = (Class.HOM_ALT, Class.MISSING, Class.HET, Class.HOM_REF)
_HAPLOID: Final = (Class.HAP_ALT, Class.MISSING, Class.MISSING, Class.HAP_REF)
_HET_CODE: Final = 2
_SWAPPED_CODES: Final = [3, 1, 2, 0]


class _Strata(NamedTuple):
    """The K sets of people, one a group and number of copies, who are counted at a site."""

    masks: NDArray[np.uint64]  # (K, words)
    sizes: NDArray[np.int64]  # (K,)
    groups: tuple[int, ...]
    classes: tuple[tuple[Class, ...], ...]  # of each set, by code


def _strata(members: NDArray[np.bool_], haploid: NDArray[np.bool_]) -> _Strata:
    """Split groups of people, members (G, N), by how many copies they carry, haploid (N,)."""
    masks = np.concatenate([members & ~haploid, members & haploid])
    some = np.flatnonzero(masks.any(axis=1))
    n = len(members)
    return _Strata(
        kernels.pack_masks(masks[some]),
        masks[some].sum(axis=1),
        tuple((some % n).tolist()),
        tuple(_HAPLOID if k >= n else _DIPLOID for k in some),
    )


class Genotypes:
    """Counts of one institution over a site list of m variants and the G groups of a plan."""

    def __init__(
        self, bed: BedFile, alignment: AlignedRows, chromosomes: NDArray[np.int8], people: People
    ):
        """Lay out the masks of people; chromosomes: PLINK's code of every site (m,).

        Raises ValueError where the alignment or the people are those of another file, InputError
        where the first rows have more people than the .fam; so may whatever reads further rows.
        """
        if len(people.used) != bed.n_samples or alignment.rows.max(initial=-1) >= bed.n_variants:
            raise ValueError(f"{bed.path} has other rows or people than its alignment or .fam")
        self.groups = people.groups
        self._bed = bed
        self._starts = bed.starts(alignment.rows)
        bed.check_padding(self._starts[self._starts >= 0][:LOOKED_AT_FIRST])
        self._swapped = alignment.swapped
        self._ploidy = ploidy_of(chromosomes)
        used, male = people.used, people.sex == MALE
        members = np.stack([used & (people.group == g) for g in range(len(people.groups))])
        counted = np.stack([male if ploidy == Ploidy.Y else used for ploidy in Ploidy]) & used
        haploid = np.stack([np.zeros_like(used), male, male, used]) & used
        self._strata = [_strata(members & counted[p], haploid[p]) for p in Ploidy]
        self._counted, self._haploid = kernels.pack_masks(counted), kernels.pack_masks(haploid)

    def digest(self) -> str:
        """SHA-256 over the rows of all sites as they lie in the file, and which are swapped."""
        digest = hashlib.sha256(np.packbits(self._swapped).tobytes())
        row_bytes, read = self._bed.row_bytes, 0
        for start in self._starts.tolist():
            digest.update(b"\0" if start < 0 else b"\1")
            if start >= 0:
                digest.update(self._bed.data[start : start + row_bytes].data)
                read += row_bytes
            if read > BLOCK:
                self._bed.release()
                read = 0
        return digest.hexdigest()

    def counts(self, start: int, stop: int) -> NDArray[np.int32]:
        """Return the people of every group and Class at sites start..stop: (stop - start, G, 7)."""
        return self.counts_and_het_haploids(start, stop)[0]

    def counts_and_het_haploids(
        self, start: int, stop: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the same, and how many of those MISSING at each site are heterozygous haploids.

        Shapes (stop - start, G, 7) and (stop - start,).
        """
        out = np.zeros((stop - start, len(self.groups), len(Class)), np.int32)
        het_haploids = np.zeros(stop - start, np.int32)
        for ploidy, strata in zip(Ploidy, self._strata, strict=True):
            sites = start + np.flatnonzero(self._ploidy[start:stop] == ploidy)
            here = self._starts[sites] >= 0
            present, absent = sites[here] - start, sites[~here] - start
            codes = self._codes(sites[here], strata)
            for k, (group, classes) in enumerate(zip(strata.groups, strata.classes, strict=True)):
                for code, column in enumerate(classes):
                    out[present, group, column] += codes[:, k, code]
                out[absent, group, Class.ABSENT] += np.int32(strata.sizes[k])
                if classes is _HAPLOID:
                    het_haploids[present] += codes[:, k, _HET_CODE]
        return out, het_haploids

    def _codes(self, sites: NDArray[np.int64], strata: _Strata) -> NDArray[np.int32]:
        """Count the codes 00, 01, 10, 11, had the file the sites' alleles: (sites, K, 4).

        Rows are read in the order of the file, whatever that of the sites: a block is then few
        pages, and a disk reads ahead.
        """
        order = np.argsort(self._starts[sites], kind="stable")
        starts, row_bytes = self._starts[sites[order]], self._bed.row_bytes
        in_file = np.empty((len(sites), len(strata.sizes), 4), np.int32)

        def count(part: slice) -> None:
            kernels.count_codes(
                self._bed.data, starts[part], row_bytes, strata.masks, strata.sizes, in_file[part]
            )
            self._bed.check_padding(starts[part])

        with _Workers() as workers:
            block = max(1, BLOCK // row_bytes)
            for first in range(0, len(sites), block):
                workers.share(first, min(first + block, len(sites)), count)
                self._bed.release()
        codes = np.empty_like(in_file)
        codes[order] = in_file
        swapped = self._swapped[sites]
        codes[swapped] = codes[swapped][:, :, _SWAPPED_CODES]
        return codes

    def pair_sums(self, pairs: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return n, Sx, Sy, Sxx, Syy, Sxy of pairs of sites (P, 2): (P, 6).

        Sums of alt dosages over all people used who miss neither genotype. Pairs that share sites
        should be near each other. Raises IndexError on a site that is not in the list.
        """
        if len(pairs) and not 0 <= pairs.min() <= pairs.max() < len(self._starts):
            raise IndexError(f"pairs of {len(self._starts)} sites number them from 0")
        sums = np.zeros((len(pairs), 6), np.int32)
        slot_of = np.full(len(self._starts), -1, np.int32)
        sites, slots = np.empty(SITES, np.int64), np.empty((SEGMENT, 2), np.int32)
        start = 0
        with _Workers() as workers:
            while start < len(pairs):
                stop, taken = kernels.take_pairs(pairs, start, slot_of, sites, slots)
                starts = self._starts[sites[:taken]]
                self._bed.check_padding(starts[starts >= 0])
                for offset in range(0, self._bed.row_bytes, kernels.CHUNK):
                    planes = self._planes(workers, sites[:taken], offset)
                    add = partial(_add_pair_sums, planes, slots[: stop - start], sums[start:stop])
                    workers.share(0, stop - start, add)
                slot_of[sites[:taken]] = -1
                start = stop
        return sums

    def _planes(self, workers: "_Workers", sites: NDArray[np.int64], offset: int) -> kernels.Planes:
        """Return the planes of one chunk of people, offset bytes into the rows of the sites."""
        size = min(kernels.CHUNK, self._bed.row_bytes - offset)
        words = slice(offset // 16, -(-(offset + size) // 16))
        counted = np.ascontiguousarray(self._counted[:, words])
        haploid = np.ascontiguousarray(self._haploid[:, words])
        starts = np.where(self._starts[sites] < 0, -1, self._starts[sites] + offset)
        swapped, ploidy = self._swapped[sites], self._ploidy[sites]
        planes = kernels.Planes.empty(len(sites), counted.shape[1])

        def fill(part: slice) -> None:
            kernels.fill_planes(
                self._bed.data,
                starts[part],
                size,
                swapped[part],
                ploidy[part],
                counted,
                haploid,
                planes.part(part),
            )

        workers.share(0, len(sites), fill)
        self._bed.release()
        return planes


def _add_pair_sums(
    planes: kernels.Planes, slots: NDArray[np.int32], sums: NDArray[np.int32], part: slice
) -> None:
    kernels.add_pair_sums(planes, slots[part], sums[part])


class _Workers(ThreadPoolExecutor):
    """Threads for kernels, one a core."""

    def __init__(self) -> None:
        self.cores = cores()
        super().__init__(self.cores)

    def share(self, start: int, stop: int, work: Callable[[slice], None]) -> None:
        """Run work on consecutive slices of start..stop, one a core."""
        cuts = np.linspace(start, stop, self.cores + 1).astype(int).tolist()
        list(self.map(work, map(slice, cuts[:-1], cuts[1:])))
