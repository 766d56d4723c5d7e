"""A study's results as a folder: tables, the field's formats, plots, and the run record."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from mpcgen import __version__
from mpcgen.errors import InputError, reason
from mpcgen.genome.sites import SiteList
from mpcgen.parties.painting import Painter, draw_here
from mpcgen.parties.result_tables import PairTable, VariantTable, joined_batches
from mpcgen.protocols.association import Association
from mpcgen.protocols.distributions import genomic_control_lambda
from mpcgen.protocols.frequency import Frequency
from mpcgen.protocols.genotype_counts import CASES, CONTROLS
from mpcgen.protocols.statistic import Table
from mpcgen.report import plots
from mpcgen.report.columns import LD_SITES, leading
from mpcgen.report.gwas_ssf import StudyMetadata, write_gwas_ssf
from mpcgen.report.layouts import Layout, Plot
from mpcgen.report.record import Kept
from mpcgen.report.tables import PValue, refuse_unknown, table_writer, write_table
from mpcgen.report.vcf import write_sites_vcf
from mpcgen.study.batch import Task
from mpcgen.study.loop import Part
from mpcgen.study.study import Study

_ALONE = (
    "has what was opened alone: no counts, and no GWAS-SSF or VCF file, which are made of counts"
)


@dataclass(frozen=True)
class Output:
    """Where results go, and in which form.

    Raises:
        InputError: tables have no such form.
    """

    folder: Path
    table_format: str = "tsv"
    plots: bool = True
    painter: Painter | None = None  # draws the plots; without one, the process that writes does

    def __post_init__(self) -> None:
        refuse_unknown(self.table_format)

    def refuse_existing(self) -> None:
        """Results are never overwritten.

        Raises:
            InputError: the folder exists.
        """
        if self.folder.exists() or self.folder.is_symlink():
            raise InputError("results exist already; name another folder", path=self.folder)


def _give_way() -> None:
    """Let the painter go first, who takes longer; on Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        os.nice(5)


class Results:
    """Takes a run's tables as they come and writes them in every form.

    Attributes:
        counted: what the run record counts: undefined pairs, rows that a format cannot hold.
        kept: how many of an entry's variants or pairs were opened.
        lambdas: genomic-control lambda of each test whose variants no threshold chose.
        notes: what could not be written, and why.
    """

    def __init__(self, study: Study, output: Output, folder: Path):
        self._study, self._output, self._folder = study, output, folder
        self.counted: dict[str, int] = {}
        self.kept: dict[str, Kept] = {}
        self.lambdas: dict[str, float | None] = {}
        self.notes: list[str] = []
        self._paint = output.painter.draw if output.painter else draw_here
        self._plots = ThreadPoolExecutor(1)
        # One waits for the disk while the other makes text.
        self._files = ThreadPoolExecutor(2, initializer=_give_way)
        self._jobs: list[Future[None]] = []

    def write(self, parts: Iterable[Part], people: Mapping[str, int]) -> None:
        """Consume all parts of a run; `people` are the joint group sizes."""
        with self._plots, self._files:
            tables = self._consume(parts)
            for table in tables:  # plots first: who draws them waits already
                if "CHISQ" in table.columns and isinstance(table.task.statistic, Association):
                    self._test(table, table.task.statistic.p)
            for table in tables:
                self._table(table, people)
            for job in self._jobs:
                job.result()

    def _consume(self, parts: Iterable[Part]) -> list[VariantTable]:
        """Write tables of pairs as they come; returns those of variants."""
        variants: dict[tuple[str, str], list[VariantTable]] = {}
        pairs: dict[str, PairTable] = {}
        with ExitStack() as stack:
            for part in parts:
                entry = part.task.entry.name
                before = self.kept.get(entry, Kept(0, 0))
                self.kept[entry] = Kept(before.kept + len(part.rows), before.of + part.batch.units)
                for name, table in part.tables.items():
                    self._count_undefined(part.task, name, table)
                    if part.batch.pairs is None:
                        rows = table.rows + part.batch.start
                        batch = VariantTable(part.task, name, rows, table.columns)
                        variants.setdefault((entry, name), []).append(batch)
                        continue
                    if entry not in pairs:
                        names = [*LD_SITES, *table.columns]
                        writer = stack.enter_context(
                            table_writer(self._path(entry), names, self._output.table_format)
                        )
                        pairs[entry] = PairTable(writer, self._study.sites, part.task.chosen)
                    pairs[entry].add(part.batch.pairs[table.rows], table.columns)
                    self._count(f"{entry}: undefined pairs", table.undefined)
        if self._output.plots:
            for entry, pair_table in pairs.items():
                self._ld_map(entry, pair_table)
        return [joined_batches(batches) for batches in variants.values()]

    def _path(self, stem: str, suffix: str = "") -> Path:
        """STEM.SUFFIX in the folder; a table's suffix where none is given."""
        return self._folder / f"{stem}.{suffix or self._output.table_format}"

    def _count(self, what: str, number: int) -> None:
        if number:
            self.counted[what] = self.counted.get(what, 0) + number

    def _count_undefined(self, task: Task, name: str, table: Table) -> None:
        """Values of variants that were opened alone and do not exist."""
        if not task.values or task.chosen is not None:
            return
        stem = ".".join(filter(None, (task.entry.name, name)))
        for column in ("CHISQ", "OR", "AF"):
            if column in table.columns:
                undefined = int(np.isnan(table.columns[column]).sum())
                self._count(f"{stem}: undefined {column}", undefined)

    def _test(self, table: VariantTable, p: float | None) -> None:
        """The inflation of a test's statistic, and its plots.

        Of variants chosen by their p neither the inflation nor the quantiles mean anything.
        """
        title = f"{self._study.plan.title}: {table.name}"
        if p is None:
            gc = genomic_control_lambda(table.columns["CHISQ"], table.columns["DF"])
            self.lambdas[table.stem] = None if np.isnan(gc) else gc
        else:
            title += f", only variants with p < {p:g} in a test"
        if not self._output.plots:
            return
        score = table.columns["NEG_LOG10_P"]
        try:
            sites, along = table.sites(self._study.sites), None if p is None else self._study.sites
            layout = plots.manhattan(sites, score, along=along)
            self._draw(f"{table.stem}.manhattan", title, layout)
            if p is None:
                gc_lambda = self.lambdas[table.stem]
                self._draw(f"{table.stem}.qq", title, plots.quantiles(score, gc_lambda))
        except InputError as error:
            self.notes.append(f"{table.stem} is not plotted: {error}")

    def _ld_map(self, entry: str, table: PairTable) -> None:
        try:
            self._draw(f"{entry}.map", self._study.plan.title, table.strongest_region())
        except InputError as error:
            self.notes.append(f"{entry} has no map: {error}")

    def _draw(self, stem: str, title: str, layout: Layout) -> None:
        plot = Plot(self._folder / stem, title, layout)
        self._jobs.append(self._plots.submit(self._painted, plot))

    def _painted(self, plot: Plot) -> None:
        """All is opened by now: a plot that fails must not cost the study its tables."""
        try:
            self._paint(plot)
        except Exception as error:  # the drawing library's, of any kind
            why = reason(error) if isinstance(error, OSError) else error
            self.notes.append(f"{plot.stem.name} is not drawn: {why}")

    def _table(self, table: VariantTable, people: Mapping[str, int]) -> None:
        """Have a table written in every form that it has."""
        sites = table.sites(self._study.sites)
        columns, statistic = leading(sites), table.task.statistic
        if isinstance(statistic, Association):
            columns["A1"] = sites.alt
        if table.task.values:
            self.notes.append(f"{table.stem} {_ALONE}")
        elif isinstance(statistic, Association):
            self._submit(self._gwas_ssf, table.stem, sites, table.columns, people)
        columns |= table.columns
        if "P" in columns:
            columns["P"] = PValue(columns["NEG_LOG10_P"])
        self._submit(write_table, self._path(table.stem), columns, self._output.table_format)
        if isinstance(statistic, Frequency) and not (table.name or table.task.values):
            self._submit(self._vcf, table.stem, sites, table.columns)

    def _submit(self, write: Callable[..., None], *arguments: object) -> None:
        self._jobs.append(self._files.submit(write, *arguments))

    def _vcf(self, entry: str, sites: SiteList, columns: Mapping[str, Any]) -> None:
        path, known = self._path(entry, "vcf"), self._study.plan.ref_known
        try:
            write_sites_vcf(path, sites, columns["AC"], columns["AN"], ref_known=known)
        except InputError as error:
            self.notes.append(f"{path.name} is not written: {error}")

    def _gwas_ssf(
        self, stem: str, sites: SiteList, columns: Mapping[str, Any], people: Mapping[str, int]
    ) -> None:
        plan, path = self._study.plan, self._path(stem, "gwas-ssf.tsv")
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
        written = write_gwas_ssf(path, sites, columns, metadata)
        if written.rows:
            self._count(f"{path.name}: rows left out", written.left_out)
