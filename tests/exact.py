"""Statistics in exact fractions, from their definitions; None where they are undefined."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

Groups: TypeAlias = Any  # (2, 7): genotype counts of cases and of controls

ALT, ALLELES, DOSAGES = (0, 1, 2, 0, 1, 0, 0), (2, 2, 2, 1, 1, 0, 0), (0, 1, 2)


def pearson(table: Sequence[Sequence[int]]) -> Fraction | None:
    """Chi-squared of two rows of counts; columns without anybody do not count."""
    columns = [column for column in zip(*table, strict=True) if any(column)]
    rows = [sum(row) for row in table]
    if len(columns) < 2 or not all(rows):
        return None
    n = sum(rows)
    return sum(
        (
            Fraction((n * seen - row * sum(column)) ** 2, n * row * sum(column))
            for column in columns
            for seen, row in zip(column, rows, strict=True)
        ),
        Fraction(),
    )


def correlation(people: Mapping[tuple[int, int], int]) -> Fraction | None:
    """Squared correlation of two numbers that so many people have."""
    n = sum(people.values())
    (sx, sy, sxx, syy, sxy) = (
        sum(f(x, y) * count for (x, y), count in people.items())
        for f in (lambda x, _: x, lambda _, y: y, lambda x, _: x * x, lambda _, y: y * y,
                  lambda x, y: x * y)
    )  # fmt: skip
    return r2(n, sx, sy, sxx, syy, sxy)


def r2(n: int, sx: int, sy: int, sxx: int, syy: int, sxy: int) -> Fraction | None:
    """Squared correlation from sums of two numbers, of their squares and of their product."""
    vx, vy = n * sxx - sx * sx, n * syy - sy * sy
    return Fraction((n * sxy - sx * sy) ** 2, vx * vy) if vx * vy else None


def alleles(groups: Groups) -> list[list[int]]:
    """Alternative and reference alleles of cases and of controls."""
    table = []
    for group in groups:
        alt, both = (
            sum(w * int(n) for w, n in zip(of, group, strict=True)) for of in (ALT, ALLELES)
        )
        table.append([alt, both - alt])
    return table


def genotypes(groups: Groups) -> list[list[int]]:
    """Cases and controls with each diploid genotype."""
    return [[int(n) for n in group[:3]] for group in groups]


def allelic(groups: Groups) -> Fraction | None:
    """Pearson's chi-squared of alleles."""
    return pearson(alleles(groups))


def genotypic(groups: Groups) -> Fraction | None:
    """Pearson's chi-squared of genotypes."""
    return pearson(genotypes(groups))


def trend(groups: Groups) -> Fraction | None:
    """Cochran-Armitage: N times the squared correlation of status and dosage."""
    table = genotypes(groups)
    people = {(status, d): table[status][d] for status in range(2) for d in DOSAGES}
    squared = correlation(people)
    return None if squared is None else sum(people.values()) * squared


def stratified(strata: Sequence[Groups]) -> Fraction | None:
    """Cochran-Mantel-Haenszel without continuity correction."""
    excess, variance = Fraction(), Fraction()
    for groups in strata:
        (a, b), (c, d) = alleles(groups)
        n = a + b + c + d
        if n > 1:
            excess += a - Fraction((a + b) * (a + c), n)
            variance += Fraction((a + b) * (c + d) * (a + c) * (b + d), n * n * (n - 1))
    return excess**2 / variance if variance else None


def above(value: Fraction | None, t: float) -> bool:
    """Whether it is defined and larger."""
    return value is not None and value > Fraction(t)
