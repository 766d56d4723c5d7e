"""A study's results as a folder: tables, the field's formats, plots, and the run record.

Everything is written into a hidden folder beside the wanted one, which takes its name when all is
done; so there is never a partial result.
"""

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpcgen import __version__
from mpcgen.errors import InputError, reason
from mpcgen.genome.columns import joined
from mpcgen.genome.sites import SiteList
from mpcgen.parties.painter import Painter, draw_here
from mpcgen.parties.pair_table import PairTable
from mpcgen.protocols.association import Association
from mpcgen.protocols.distributions import genomic_control_lambda
from mpcgen.protocols.frequency import Frequency
from mpcgen.protocols.genotype_counts import CASES, CONTROLS
from mpcgen.report import plots
from mpcgen.report.columns import LD, leading
from mpcgen.report.gwas_ssf import StudyMetadata, write_gwas_ssf
from mpcgen.report.layouts import Layout, Plot
from mpcgen.report.tables import PValue, table_writer, write_table
from mpcgen.report.vcf import write_sites_vcf
from mpcgen.study.loop import Part
from mpcgen.study.study import Study, Task


@dataclass(frozen=True)
class Output:
    """Where results go, and in which form."""

    folder: Path
    table_format: str = "tsv"
    plots: bool = True
    painter: Painter | None = None  # draws the plots; without one, the process that writes does

    def refuse_existing(self) -> None:
        """Results are never overwritten.

        Raises:
            InputError: the folder exists.
        """
        if self.folder.exists():
            raise InputError("results exist already; name another folder", path=self.folder)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A folder to write into, which takes the wanted name at the end and vanishes on failure.

    Raises:
        InputError: no folder can be made there.
    """
    new = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise InputError(f"no folder can be made here: {reason(error)}", path=folder) from None
    try:
        yield draft
        draft.chmod(0o755)
        _rename(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        for parent in new:
            with suppress(OSError):  # somebody else has put something there
                parent.rmdir()
        raise


def _rename(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError as error:
        words = f"the results cannot take this name: {reason(error)}"
        raise InputError(words, path=folder) from None


class Results:
    """Takes a run's tables as they come and writes them in every form.

    Attributes:
        counted: what the run record counts: undefined pairs, rows that a format cannot hold.
        lambdas: genomic-control lambda of each test.
        notes: what could not be written, and why.
    """

    def __init__(self, study: Study, output: Output, folder: Path):
        self._study, self._output, self._folder = study, output, folder
        self._sites = study.sites
        self.counted: dict[str, int] = {}
        self.lambdas: dict[str, float | None] = {}
        self.notes: list[str] = []
        self._paint = output.painter.draw if output.painter else draw_here
        self._plots = ThreadPoolExecutor(1)  # has them drawn while tables are written
        self._drawings: list[Future[None]] = []

    def write(self, parts: Iterable[Part], people: Mapping[str, int]) -> None:
        """Consume all parts of a run; `people` are the joint group sizes."""
        with self._plots:
            self._write(parts, people)
            for drawing in self._drawings:
                drawing.result()

    def _write(self, parts: Iterable[Part], people: Mapping[str, int]) -> None:
        variants: dict[tuple[str, str], list[_Rows]] = {}
        pairs: dict[str, PairTable] = {}
        tasks = {task.entry.name: task for task in self._study.tasks}
        with ExitStack() as stack:
            for part in parts:
                entry = part.task.entry.name
                for name, table in part.tables.items():
                    if part.batch.pairs is None:
                        rows = _Rows(table.rows + part.batch.start, table.columns)
                        variants.setdefault((entry, name), []).append(rows)
                        continue
                    if entry not in pairs:
                        writer = stack.enter_context(
                            table_writer(self._path(entry), LD, self._output.table_format)
                        )
                        pairs[entry] = PairTable(writer, self._sites, part.task.chosen)
                    pairs[entry].add(part.batch.pairs[table.rows], table.columns)
                    self._count(f"{entry}: undefined pairs", table.undefined)
        for (entry, name), batches in variants.items():
            self._variant_table(tasks[entry], name, _joined(batches), people)
        if self._output.plots:
            for entry, pair_table in pairs.items():
                self._ld_map(entry, pair_table)

    def _path(self, entry: str, name: str = "", suffix: str = "") -> Path:
        """ENTRY.NAME.SUFFIX in the folder; a table's suffix where none is given."""
        parts = (entry, name, suffix or self._output.table_format)
        return self._folder / ".".join(filter(None, parts))

    def _count(self, what: str, number: int) -> None:
        if number:
            self.counted[what] = self.counted.get(what, 0) + number

    def _variant_table(
        self, task: Task, name: str, table: "_Rows", people: Mapping[str, int]
    ) -> None:
        whole = len(table.rows) == len(self._sites)
        sites = self._sites if whole else self._sites.take(table.rows)
        columns = leading(sites)
        if isinstance(task.statistic, Association):
            columns["A1"] = sites.alt
        columns |= table.columns
        if "P" in columns:
            columns["P"] = PValue(columns["NEG_LOG10_P"])
        entry = task.entry.name
        if isinstance(task.statistic, Association):
            self._association(entry, name, sites, table, people)
        write_table(self._path(entry, name), columns, self._output.table_format)
        if isinstance(task.statistic, Frequency) and not name:
            self._vcf(entry, sites, table)

    def _vcf(self, entry: str, sites: SiteList, table: "_Rows") -> None:
        try:
            write_sites_vcf(
                self._path(entry, suffix="vcf"), sites, table.columns["AC"], table.columns["AN"],
                ref_known=self._study.plan.ref_known,
            )  # fmt: skip
        except InputError as error:
            self.notes.append(f"{entry}.vcf is not written: {error}")

    def _association(
        self, entry: str, name: str, sites: SiteList, table: "_Rows", people: Mapping[str, int]
    ) -> None:
        gc = genomic_control_lambda(table.columns["CHISQ"], table.columns["DF"])
        self.lambdas[f"{entry}.{name}"] = None if np.isnan(gc) else gc
        plan = self._study.plan
        metadata = StudyMetadata(
            genome_assembly=plan.build,
            trait_description=(plan.trait,),
            sample_ancestry_category=(plan.ancestry,),
            genotyping_technology=(plan.technology,),
            case_count=people[CASES],
            control_count=people[CONTROLS],
            date_metadata_last_modified=datetime.now(UTC).date(),
            analysis_software=f"mpcgen {__version__}",
        )
        if self._output.plots:
            self._association_plots(f"{entry}.{name}", name, sites, table)
        path = self._path(entry, name, "gwas-ssf.tsv")
        written = write_gwas_ssf(path, sites, table.columns, metadata)
        if written.rows:
            self._count(f"{path.name}: rows left out", written.left_out)

    def _association_plots(self, stem: str, name: str, sites: SiteList, table: "_Rows") -> None:
        score, gc = table.columns["NEG_LOG10_P"], self.lambdas[stem]
        title = f"{self._study.plan.title}: {name}"
        try:
            self._draw(f"{stem}.manhattan", title, plots.manhattan(sites, score))
            self._draw(f"{stem}.qq", title, plots.quantiles(score, gc))
        except InputError as error:
            self.notes.append(f"{stem} is not plotted: {error}")

    def _ld_map(self, entry: str, table: PairTable) -> None:
        try:
            self._draw(f"{entry}.map", self._study.plan.title, table.strongest_region())
        except InputError as error:
            self.notes.append(f"{entry} has no map: {error}")

    def _draw(self, stem: str, title: str, layout: Layout) -> None:
        plot = Plot(self._folder / stem, title, layout)
        self._drawings.append(self._plots.submit(self._paint, plot))


@dataclass(frozen=True)
class _Rows:
    """Rows of a table of variants: site indices and columns."""

    rows: NDArray[np.int64]
    columns: Mapping[str, Any]


def _joined(batches: list[_Rows]) -> _Rows:
    if len(batches) == 1:
        return batches[0]
    names = batches[0].columns
    return _Rows(
        np.concatenate([batch.rows for batch in batches]),
        {name: _concatenated([batch.columns[name] for batch in batches]) for name in names},
    )


def _concatenated(columns: list[Any]) -> Any:
    return np.concatenate(columns) if isinstance(columns[0], np.ndarray) else joined(columns)
