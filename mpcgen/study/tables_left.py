"""How many tables fit a value that is opened alone, rounded: what rounding really hides.

allelic   tables (a, c) of alternative alleles in cases and controls, all alleles called, at a
          variant without association: chi2 at its median. At each a, chi2 grows as c moves away
          from a n_c / n_a, so that those of one rounded value are two runs of integers, between
          the roots of n (a n_c - c n_a)^2 = t n_a n_c (a + c) (n - a - c) at both ends of the step.
known     the same where the alternative alleles of both together are known, a + c
frequency counts AC that fit AC / AN at a known AN
r2        sums of products Sxy that fit r2 where both variants' counts are known, at 0.1
"""

from collections.abc import Iterator, Sequence
from math import floor, ldexp, sqrt

import numpy as np

from mpcgen.protocols.genotype_counts import ALL
from mpcgen.protocols.statistic import Floats, Value, ratio
from mpcgen.study.study import Study

FREQUENCIES = (0.01, 0.1, 0.5)
MEDIAN = 0.4549  # of chi-squared with 1 degree of freedom
AF, R2, R, OR, TREND = "af", "r2", "r", "or", "trend"  # values and a test, as they are named

_AT = f"{', '.join(map(str, FREQUENCIES[:-1]))} and {FREQUENCIES[-1]}"
_OF_CHISQ = (
    "of {people:,} cases and as many controls, without association, about {left} tables of alleles "
    f"fit one value, at frequencies {_AT}; where the alternative alleles of both together are "
    "known, about {known}. Fewer people leave fewer tables."
)
_OF_GENOTYPES = " Here tables are of genotypes, of which more fit."
_OF_ODDS = (
    "together with a chi-squared of the same variant it leaves few tables, often one. How many fit "
    "it by itself is not worked out."
)
_OF_R2 = (
    "where the counts of both variants are known, about {left} sums of products, for r of either "
    f"sign, fit a value near 0.1 at frequencies {_AT}, among {{people:,}} people."
)
_OF_R = (
    "where the counts of both variants are known, about {left} sums of products fit one value at "
    f"frequencies {_AT}, among {{people:,}} people."
)
_FLOORS = (
    "Rounded, a value can leave a single table. So a value meets the floors of all counts that it "
    "is made of, as if they were opened."
)
_TOGETHER = (
    "Several values of one variant, of one entry or of several, leave fewer tables than each: a "
    "chi-squared beside an allele frequency or an odds ratio leaves one at most variants."
)
_MOST = 1 << 16  # values of a that are looked at; of more, evenly spread ones


def tables(cases: int, controls: int, frequency: float, digits: int) -> tuple[int, int]:
    """About how many tables have one rounded chi-squared; and with one number of alt alleles.

    Args:
        cases, controls: numbers of alleles, at least 1.
        frequency: of the alternative allele, in (0, 1).
    """
    n, alt = cases + controls, max(round(frequency * (cases + controls)), 1)
    # a with the median chi2 among the tables with so many alternative alleles
    spread = sqrt(MEDIAN * cases * controls * alt * (n - alt) / n**3)
    least, most = max(alt - controls, 0), min(cases, alt)
    a = min(round(cases * alt / n + spread), most)
    low, high = _step(float(_chisq(np.array([float(a)]), alt, cases, controls)[0]), digits)
    step = max((cases + 1) // _MOST, 1)
    every = np.arange(0, cases + 1, step, dtype=np.float64)
    found = _below(every, high, cases, controls) - _below(every, low, cases, controls)
    chisq = _chisq(np.arange(least, most + 1, dtype=np.float64), alt, cases, controls)
    same = int(((low <= chisq) & (chisq < high)).sum())
    return max(round(float(found.sum()) * step), same, 1), same


def _step(value: float, digits: int) -> tuple[float, float]:
    """All that is rounded to the same as a value: from, to."""
    y = floor(ldexp(value, digits) + 0.5)
    return ldexp(y - 0.5, -digits), ldexp(y + 0.5, -digits)


def _chisq(a: Floats, alt: int, cases: int, controls: int) -> Floats:
    """Chi-squared of tables with `alt` alternative alleles."""
    n = cases + controls
    margins = float(cases) * controls * alt * (n - alt)
    return ratio(n * (a * n - float(cases) * alt) ** 2, np.full(len(a), margins))


def _below(a: Floats, t: float, cases: int, controls: int) -> Floats:
    """How many integers c give each a a chi-squared below t, monomorphic tables apart."""
    if t <= 0:
        return np.zeros(len(a))
    n, na, nc = float(cases + controls), float(cases), float(controls)
    # n (a nc - c na)^2 = t na nc (a + c) (n - a - c) as A c^2 - 2 B c + C = 0
    A = n * na**2 + t * na * nc
    B = n * a * na * nc + t * na * nc * (n - 2 * a) / 2
    C = n * (a * nc) ** 2 - t * na * nc * a * (n - a)
    half = np.sqrt(np.maximum(B * B - A * C, 0))
    first = np.maximum(np.floor((B - half) / A) + 1, 0)
    last = np.minimum(np.ceil((B + half) / A) - 1, nc)
    number: Floats = np.maximum(last - first + 1, 0)
    return number


def counts(alleles: int, digits: int) -> int:
    """About how many allele counts fit one rounded frequency."""
    return max(round(ldexp(alleles, -digits)), 1)


def products(people: int, frequency: float, digits: int, r2: float | None = 0.1) -> int:
    """About how many sums of products, of either sign of r, fit one rounded r2; None: one r."""
    width = ldexp(people * 2 * frequency * (1 - frequency), -digits)
    return max(round(width), 1) if r2 is None else 2 * max(round(width / (2 * sqrt(r2))), 1)


def words(study: Study) -> Iterator[str]:
    """What the values leave that a plan opens alone, a sentence or two each."""
    people = study.plan.max_people
    for task in study.tasks:
        for value in task.values:
            yield f"{task.entry.name}, {value.name}: {_left(value, people)}"
    if sum(len(task.values) for task in study.of_variants) > 1:
        yield _TOGETHER
    if any(task.values for task in study.tasks):
        yield _FLOORS


def _left(value: Value, people: int) -> str:
    kind = value.name.rpartition(".")[2]
    if kind == AF:
        alleles = 2 * people if value.name.startswith(ALL) else people
        return _of_frequency(counts(alleles, value.digits))
    if kind == R2:
        left = _numbers([products(people, f, value.digits) for f in FREQUENCIES])
        return _OF_R2.format(left=left, people=people)
    if kind == R:
        left = _numbers([products(people, f, value.digits, None) for f in FREQUENCIES])
        return _OF_R.format(left=left, people=people)
    if kind == OR:
        return _OF_ODDS
    found = [tables(people, people, f, value.digits) for f in FREQUENCIES]
    known = max(same for _, same in found)
    every = _numbers([left for left, _ in found])
    text = _OF_CHISQ.format(left=every, people=people // 2, known=known)
    return text + (_OF_GENOTYPES if value.name.startswith(TREND) else "")


def _of_frequency(left: int) -> str:
    if left == 1:
        return "with all alleles called it is the count itself: rounding hides nothing of it"
    return f"with all alleles called about {left:,} counts of alternative alleles fit one value"


def _numbers(numbers: Sequence[int]) -> str:
    each = [f"{number:,}" for number in numbers]
    return f"{', '.join(each[:-1])} and {each[-1]}"
