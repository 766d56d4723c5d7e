"""Reading TOML from outside: every key is asked for by name and type, and none is left over."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from mpcgen.errors import InputError

T = TypeVar("T")

_WORDS = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}


def read_toml(path: Path, error: type[InputError]) -> "Section":
    """The top section of a TOML file.

    Raises:
        error: the file is missing, empty, not UTF-8 or not TOML; the message has the line.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError as missing:
        raise error("there is no such file", path=path) from missing
    except IsADirectoryError as folder:
        raise error("this is a folder; a TOML file is wanted", path=path) from folder
    except UnicodeDecodeError as bad:
        raise error("this is not UTF-8 text", path=path) from bad
    if not text.strip():
        raise error("the file is empty", path=path)
    try:
        return Section(tomllib.loads(text), "", path, error)
    except tomllib.TOMLDecodeError as bad:
        raise error(f"this is not TOML: {bad}", path=path) from bad


class Section:
    """A table of a TOML file. `done` refuses keys that nobody asked for."""

    def __init__(
        self, values: Mapping[str, object], name: str, path: Path, error: type[InputError]
    ):
        self._values = dict(values)
        self._asked: list[str] = []
        self.name = name
        self.path = path
        self._error = error

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def fail(self, message: str) -> InputError:
        """The error to raise about this section."""
        return self._error(f"{self.name + ': ' if self.name else ''}{message}", path=self.path)

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        """The value of a key; required where there is no default."""
        self._asked.append(key)
        if key not in self._values:
            if default is None:
                raise self.fail(f"the key {key} is missing ({_WORDS.get(kind, kind.__name__)})")
            return default
        value = self._values[key]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            raise self.fail(f"{key} is {_WORDS.get(kind, kind.__name__)}, not {value!r}")
        if isinstance(value, str) and not value.strip():
            raise self.fail(f"{key} is empty")
        return value

    def optional(self, key: str, kind: type[T]) -> T | None:
        """The value of a key, or None where it is absent."""
        self._asked.append(key)
        return self.get(key, kind) if key in self._values else None

    def choice(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        """A key with a few legal values."""
        value = self.get(key, str, default)
        if value not in choices:
            raise self.fail(f'{key} is one of {", ".join(choices)}, not "{value}"')
        return value

    def names(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts, none twice."""
        self._asked.append(key)
        value = self._values.get(key, None if default is None else list(default))
        if value is None:
            raise self.fail(f"the key {key} is missing (a list of texts)")
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.fail(f"{key} is a list of texts, not {value!r}")
        if len(set(value)) != len(value):
            raise self.fail(f"{key} names something twice: {value}")
        return tuple(value)

    def section(self, key: str) -> "Section":
        """A table [key]; an empty one where it is absent."""
        self._asked.append(key)
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            raise self.fail(f"[{key}] is a table")
        return Section(value, f"[{key}]", self.path, self._error)

    def sections(self, key: str) -> list["Section"]:
        """An array of tables [[key]], at least one."""
        self._asked.append(key)
        value = self._values.get(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            raise self.fail(f"at least one [[{key}]] is needed")
        return [
            Section(item, f"[[{key}]] {n}", self.path, self._error)
            for n, item in enumerate(value, 1)
        ]

    def rest(self) -> dict[str, object]:
        """All keys that nobody asked for, for whoever knows them."""
        return {key: value for key, value in self._values.items() if key not in self._asked}

    def done(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self.rest():
            near = difflib.get_close_matches(key, self._asked, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(self._asked)}"
            raise self.fail(f"the key {key} is not known{hint}")
