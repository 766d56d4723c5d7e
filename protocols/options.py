"""Checked reading of the options of a plan's entry; every complaint is a ValueError."""

import difflib
from collections.abc import Mapping, Sequence

Options = Mapping[str, object]


def only(options: Options, *known: str) -> None:
    """Refuse keys that the statistic does not know.

    Raises:
        ValueError: which key, and which would be right.
    """
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise ValueError(f'unknown option "{key}"; {hint}')


def names(
    options: Options, key: str, allowed: Sequence[str], default: Sequence[str]
) -> tuple[str, ...]:
    """A list of distinct names, in the order of `allowed`; never empty.

    Raises:
        ValueError: the value is not such a list.
    """
    value = options.get(key, list(default))
    right = f"{key} is a list of one or more of {', '.join(allowed)}"
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{right}, not {value!r}")
    for name in value:
        if name not in allowed:
            raise ValueError(f"{right}; {name!r} is none of them")
        if value.count(name) > 1:
            raise ValueError(f"{key} has {name!r} twice")
    return tuple(name for name in allowed if name in value)


def integer(options: Options, key: str, least: int) -> int | None:
    """An integer of at least `least`; None where the key is not there.

    Raises:
        ValueError: the value is no such integer.
    """
    value = options.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{key} is an integer of at least {least}, not {value!r}")
    return value


def real(options: Options, key: str, least: float, most: float) -> float | None:
    """A number in [least, most]; None where the key is not there.

    Raises:
        ValueError: the value is no such number.
    """
    value = options.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ValueError(f"{key} is a number from {least:g} to {most:g}, not {value!r}")
    return float(value)


def text(options: Options, key: str) -> str | None:
    """Text that is not empty; None where the key is not there.

    Raises:
        ValueError: the value is no such text.
    """
    value = options.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise ValueError(f"{key} is text in quotes, not {value!r}")
    return value
