"""What agreement with a printed value means: the check itself must be able to fail."""

import numpy as np
import pytest

from tests.agreement import assert_agrees, half_unit


def test_half_a_unit_of_the_last_digit() -> None:
    for printed, unit in (("0.1501", 1e-4), ("1e-05", 1e-5), ("12", 1.0), ("-3.20e+02", 1.0)):
        assert half_unit(printed) == pytest.approx(unit / 2)


def test_values_agree_within_half_a_unit() -> None:
    assert_agrees([0.15005, 0.15014, np.nan, np.inf, 12.4], ["0.1501", "0.1501", "NA", "inf", "12"])


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (0.15016, "0.1501"),
        (np.nan, "0.1"),
        (0.1, "NA"),
        (1e300, "inf"),
        (np.inf, "1e300"),
        (13.0, "12"),
    ],
)
def test_other_values_do_not(value: float, printed: str) -> None:
    with pytest.raises(AssertionError, match="1 of 1 disagree"):
        assert_agrees([value], [printed])
