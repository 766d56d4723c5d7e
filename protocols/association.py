"""Case-control association: the tests of one entry, opened together.

The mathematics stands in allelic, genotypic, trend and stratified; here they become one statistic,
whose sums are opened once each, in one round.

An unadjusted test over institutions of different ancestry misleads: where the institutions differ,
use the stratified one.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

from mpcgen.protocols.allelic import ALLELIC
from mpcgen.protocols.case_control import CHISQ, GROUPS, OR
from mpcgen.protocols.genotypic import GENOTYPIC
from mpcgen.protocols.options import Options, names, only, real
from mpcgen.protocols.statistic import (
    Decision,
    Floats,
    Integers,
    Sites,
    Statistic,
    Table,
    Value,
)
from mpcgen.protocols.stratified import CMH
from mpcgen.protocols.trend import TREND

MIN_P = 1e-300  # smaller p-values have no chi-squared in float64

TESTS = {test.name: test for test in (ALLELIC, GENOTYPIC, TREND, CMH)}


class Association(Statistic):
    """One or more tests of every variant; a result table for each, by its name.

    Attributes:
        p: only variants with a smaller p-value in one of the tests are opened; None: all.
    """

    kind: ClassVar[str] = "association"
    threshold: ClassVar[str | None] = "p"
    alone: ClassVar[tuple[str, ...]] = (CHISQ, OR)
    digits: ClassVar[int] = 10

    def __init__(self, tests: tuple[str, ...], p: float | None = None):
        self.tests = tuple(TESTS[name] for name in tests)
        self.test_names = tests
        self.p = p
        if CMH in self.tests:
            self.undoes_floors = "the sums of the test cmh give the institutions' tables away"
        self.sums = tuple({sums.name: sums for test in self.tests for sums in test.sums}.values())

    @classmethod
    def uses_phenotype(cls, options: Options) -> bool:  # noqa: ARG003
        """Always."""
        return True

    @classmethod
    def from_options(cls, options: Options, groups: tuple[str, ...]) -> Self:
        """Options: tests = ["allelic", "genotypic", "trend", "cmh"] (default: allelic); p."""
        only(options, "tests", "p")
        if groups != GROUPS:
            raise ValueError(f"association compares {' with '.join(GROUPS)}: it needs a phenotype")
        p = real(options, "p", MIN_P, 1)
        return cls(names(options, "tests", tuple(TESTS), (ALLELIC.name,)), p)

    def decisions(self, people: int) -> tuple[Decision, ...]:
        """Whether a test's p-value is below p, for each of the tests."""
        return () if self.p is None else tuple(test.decision(self.p, people) for test in self.tests)

    def values(self, names: tuple[str, ...], digits: int, people: int) -> tuple[Value, ...]:
        """The chi-squared of each test, and the odds ratio of the allelic one."""
        can = [name for name, test in TESTS.items() if test.alone]
        for test in self.tests:
            if not test.alone:
                raise ValueError(f"the test {test.name} is not opened alone; {', '.join(can)} are")
        if OR in names and ALLELIC not in self.tests:
            raise ValueError(f"{OR} is of the test {ALLELIC.name}, which tests does not name")
        return tuple(value for test in self.tests for value in test.values(names, digits, people))

    def implies(self) -> tuple[str, ...]:
        """CMH's sums are not those of counts."""
        if CMH not in self.tests:
            return ()
        return (
            "The sums of the Cochran-Mantel-Haenszel test are so precise that, with one "
            "institution's own table and group sizes, they can leave a single possible table for "
            "each of the others.",
        )

    def public(self, opened: Mapping[str, Integers], sites: Sites) -> dict[str, Table]:
        """A table for each test, of the variants on which it exists."""
        return {test.name: test.table(opened, sites) for test in self.tests}

    def public_values(self, values: Mapping[str, Floats], sites: Sites) -> dict[str, Table]:
        """A table for each test that opens a value."""
        named = {name.partition(".")[0] for name in values}
        return {t.name: t.table_of_values(values, sites) for t in self.tests if t.name in named}
