"""Reading TOML from outside: every key is asked for by name and type, and none is left over."""

import difflib
import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from mpcgen.errors import InputError, reason

T = TypeVar("T")
Place = tuple[str | int, ...]  # keys and numbers in arrays that lead to a value

_WORDS = {
    str: "text in quotes",
    int: "a whole number",
    bool: "true or false",
    float: "a number",
    date: "a day without quotes, as 2027-12-31",
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_SYNTAX_LINE = re.compile(r" \(at line (\d+), column \d+\)")


@dataclass(frozen=True)
class Document:
    """A TOML file as it was read, once.

    Attributes:
        raw: its bytes.
        error: what is raised about it.
    """

    path: Path
    raw: bytes
    error: type[InputError]

    @property
    def text(self) -> str:
        """The file's text, a byte-order mark dropped."""
        return self.raw.decode("utf-8-sig").replace("\r\n", "\n")

    def fail(self, message: str, *place: str | int) -> InputError:
        """The error to raise about a place, which need not be there."""
        return self.error(message, path=self.path, line=line_of(self.text, place))


def read_toml(path: Path, error: type[InputError]) -> "Section":
    """The top section of a TOML file.

    Raises:
        error: the file is missing, empty, not UTF-8 or not TOML; the message has the line.
    """
    try:
        document = Document(path, path.read_bytes(), error)
    except OSError as bad:
        raise error(reason(bad), path=path) from None
    except ValueError as bad:  # the path has a NUL
        raise error(f"cannot be read: {bad}", path=path) from None
    try:
        text = document.text
    except UnicodeDecodeError as bad:
        line = document.raw.count(b"\n", 0, bad.start) + 1
        raise error("this is not UTF-8 text", path=path, line=line) from None
    if not text.strip():
        raise error("the file is empty", path=path)
    try:
        return Section(tomllib.loads(text), (), document)
    except (ValueError, RecursionError) as bad:  # ValueError also of numbers without end
        at = _SYNTAX_LINE.search(str(bad))
        words = f"this is not TOML: {_SYNTAX_LINE.sub('', str(bad))}"
        raise error(words, path=path, line=int(at[1]) if at else None) from None


def line_of(text: str, place: Place) -> int | None:
    """The line on which the value at a place begins, or what it stands in; None for the whole.

    It follows the longest run of whole lines that is TOML and does not have the place yet.
    """
    while place:
        lines, complete = text.split("\n"), 0
        for end in range(1, len(lines) + 1):
            try:
                values = tomllib.loads("\n".join(lines[:end]))
            except ValueError:
                continue
            if _holds(values, place):
                return complete + 1
            complete = end
        place = place[:-1]
    return None


def _holds(values: Any, place: Place) -> bool:
    try:
        for step in place:
            values = values[step]
    except (KeyError, IndexError, TypeError):
        return False
    return True


class Section:
    """A table of a TOML file. `done` refuses keys that nobody asked for."""

    def __init__(self, values: Mapping[str, object], place: Place, document: Document):
        self._values = dict(values)
        self._asked: list[str] = []
        self._place = place
        self.document = document

    def __contains__(self, key: str) -> bool:
        if key not in self._asked:
            self._asked.append(key)
        return key in self._values

    @property
    def name(self) -> str:
        """As the file writes it: [study], or [[entries]] 2 for the second one; "" at the top."""
        match self._place:
            case ():
                return ""
            case (*_, str(key), int(index)):
                return f"[[{key}]] {index + 1}"
            case _:
                return f"[{self._place[-1]}]"

    def fail(self, message: str, key: str | None = None) -> InputError:
        """The error to raise about this section, or about a key in it."""
        place = self._place if key is None else (*self._place, key)
        return self.document.fail(f"{self.name + ': ' if self.name else ''}{message}", *place)

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of a key; required where there is no default."""
        if key not in self:
            if default is None:
                raise self.fail(f"the key {key} is missing ({_words(kind)})")
            return default
        value = _plain(self._values[key], kind)
        if type(value) is not kind or not isinstance(value, kind):
            raise self.fail(f"{key} is {_words(kind)}, not {_shown(self._values[key])}", key)
        if isinstance(value, str) and not value.strip():
            raise self.fail(f"{key} is empty", key)
        if isinstance(value, str) and _CONTROL.search(value):
            raise self.fail(f"{key} is one line of text without control characters", key)
        return value

    def optional(self, key: str, kind: type[T]) -> T | None:
        """The value of a key, or None where it is absent."""
        return self.get(key, kind) if key in self else None

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """A key with a few legal values."""
        if key not in self and default is None:
            raise self.fail(f"the key {key} is missing: {_or(choices)}")
        value = self.get(key, str, default)
        if value not in choices:
            near = _did_you_mean(value, choices)
            raise self.fail(f'{key} is {_or(choices)}, not "{value}"{near}', key)
        return value

    def names(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts, none twice."""
        if key not in self:
            if default is None:
                raise self.fail(f"the key {key} is missing (a list of texts)")
            return default
        value = self._values[key]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(f"{key} is a list of texts, not {_shown(value)}", key)
        if any(map(_CONTROL.search, value)):
            raise self.fail(f"{key} has texts of one line without control characters", key)
        if len(set(value)) != len(value):
            raise self.fail(f"{key} names something twice: {', '.join(value)}", key)
        return tuple(value)

    def section(self, key: str) -> "Section":
        """A table [key]; an empty one where it is absent."""
        value = self._values[key] if key in self else {}
        if not isinstance(value, dict):
            raise self.fail(f"{key} is a table: write [{key}] above its keys", key)
        return Section(value, (*self._place, key), self.document)

    def sections(self, key: str) -> list["Section"]:
        """An array of tables [[key]], at least one."""
        if key not in self:
            raise self.fail(f"at least one [[{key}]] is needed")
        value = self._values[key]
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            raise self.fail(f"{key} is an array of tables: write [[{key}]] above each", key)
        return [
            Section(item, (*self._place, key, n), self.document) for n, item in enumerate(value)
        ]

    def rest(self) -> dict[str, object]:
        """All keys that nobody asked for, for whoever knows them."""
        return {key: value for key, value in self._values.items() if key not in self._asked}

    def done(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self.rest():
            near = _did_you_mean(key, self._asked) or f"; known: {', '.join(self._asked)}"
            raise self.fail(f"the key {key} is not known{near}", key)


def _plain(value: object, kind: type[object]) -> object:
    """A number as the kind that is wanted, where it is one; None for what is no finite number."""
    if kind is not float or type(value) not in (int, float):
        return value
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _words(kind: type[object]) -> str:
    return _WORDS.get(kind, kind.__name__)


def _or(choices: Sequence[str]) -> str:
    quoted = [f'"{choice}"' for choice in choices]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _shown(value: object) -> str:
    """A value as the file would have it, cut short."""
    try:
        text = str(value).lower() if isinstance(value, bool) else repr(value)
    except ValueError:
        return "a number without end"
    return text if len(text) <= 60 else f"{text[:60]}..."
