"""Case-control association: the tests of one entry, opened together.

The mathematics stands in allelic, genotypic, trend and stratified; here they become one statistic,
whose sums are opened once each, in one round.

An unadjusted test over institutions of different ancestry misleads: where the institutions differ,
use the stratified one.
"""

from collections.abc import Mapping
from typing import ClassVar, Self

from mpcgen.abb import Box
from mpcgen.protocols.allelic import ALLELIC
from mpcgen.protocols.case_control import GROUPS
from mpcgen.protocols.genotypic import GENOTYPIC
from mpcgen.protocols.options import Options, names, only
from mpcgen.protocols.statistic import Integers, Release, Sites, Statistic, Table
from mpcgen.protocols.stratified import CMH
from mpcgen.protocols.trend import TREND
from mpcgen.secret import Secret

TESTS = {test.name: test for test in (ALLELIC, GENOTYPIC, TREND, CMH)}


class Association(Statistic):
    """One or more tests of every variant; a result table for each, by its name."""

    kind: ClassVar[str] = "association"

    def __init__(self, tests: tuple[str, ...]):
        self.tests = tuple(TESTS[name] for name in tests)
        self._sums = {sums.name: sums for test in self.tests for sums in test.sums}
        sources = {sums.source.name: sums.source for sums in self._sums.values()}
        self.inputs = tuple(sources.values())
        self.opens = {
            name: (sums.source.ring, tuple(sums.forms)) for name, sums in self._sums.items()
        }

    @classmethod
    def uses_phenotype(cls, options: Options) -> bool:  # noqa: ARG003
        """Always."""
        return True

    @classmethod
    def from_options(cls, options: Options, groups: tuple[str, ...]) -> Self:
        """Options: tests = ["allelic", "genotypic", "trend", "cmh"] (default: allelic)."""
        only(options, "tests")
        if groups != GROUPS:
            raise ValueError(f"association compares {' with '.join(GROUPS)}: it needs a phenotype")
        return cls(names(options, "tests", tuple(TESTS), (ALLELIC.name,)))

    def implies(self) -> tuple[str, ...]:
        """CMH's sums are not those of counts."""
        if CMH not in self.tests:
            return ()
        return (
            "The sums of the Cochran-Mantel-Haenszel test are so precise that, with one "
            "institution's own table and group sizes, they can leave a single possible table for "
            "each of the others.",
        )

    def secure(
        self, box: Box, totals: Mapping[str, Secret], release: Release
    ) -> dict[str, Integers]:
        """Open the sums of all tests in one round."""
        return release.totals(box, {name: sums.secret(totals) for name, sums in self._sums.items()})

    def public(self, opened: Mapping[str, Integers], sites: Sites) -> dict[str, Table]:
        """A table for each test, of the variants on which it exists."""
        return {test.name: test.table(opened, sites) for test in self.tests}
