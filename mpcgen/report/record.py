"""The run record: what was run, what it cost and what was opened, as one canonical JSON file.

Schema, version 2 (every field is required, no other is allowed; keys are sorted):

    format       2
    study        id of the plan
    plan         hash of the plan, hex
    started      UTC, ISO 8601, like 2026-11-23T17:37:48Z
    software     {"mpcgen": version, "python": version, ...}
    engine       name of the engine
    parties      {name: role}
    parameters   {entry: {name: value}}    as the plan has them, defaults filled in
    thresholds   {entry: name: value}      as they took effect after rounding: of a statistic, and
                                           of p ("association: p of allelic chi2")
    floors       {name: count}             that the plan set; empty where it has none
    kept         {entry: {kept, of}}       variants or pairs that were opened, of those in the entry
    lambdas      {table: value}            genomic-control lambda of each test; null if undefined;
                                           none where a threshold chose the variants
    counted      {name: count}             e.g. pairs without variance, rows a format cannot hold
    costs        [{step, rounds, bytes_declared, bytes_measured, seconds}]
                                           payload bytes as the step says; wall seconds
    opened       [{label, shape, recipients}]
    warnings     [sentence]

It describes joint results only: there is no place in it for a genotype or for one institution's
count.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from mpcgen.errors import InputError
from mpcgen.report.files import replacing

FORMAT = 2
Value = bool | int | float | str | None | tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """Declared and measured cost of one step, which also names whose bytes are counted."""

    step: str
    rounds: int
    bytes_declared: int
    bytes_measured: int
    seconds: float


@dataclass(frozen=True)
class Opening:
    """One value that the plan released: its label, its shape, and who got it."""

    label: str
    shape: tuple[int, ...]
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class Kept:
    """How many variants or pairs met the floors and passed, of how many."""

    kept: int
    of: int


@dataclass(frozen=True)
class RunRecord:
    """One run, as described at the top of this file."""

    study: str
    plan: str
    started: str
    software: Mapping[str, str]
    engine: str
    parties: Mapping[str, str]
    parameters: Mapping[str, Mapping[str, Value]]
    thresholds: Mapping[str, float]
    floors: Mapping[str, int]
    kept: Mapping[str, Kept]
    lambdas: Mapping[str, float | None]
    counted: Mapping[str, int]
    costs: tuple[Step, ...]
    opened: tuple[Opening, ...]
    warnings: tuple[str, ...]
    format: int = FORMAT

    def to_json(self) -> str:
        """Canonical text: sorted keys, two spaces, UTF-8, one newline at the end."""
        return (
            json.dumps(asdict(self), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
            + "\n"
        )

    @classmethod
    def from_json(cls, text: str, *, path: Path | str | None = None) -> "RunRecord":
        """The record that `to_json` wrote.

        Raises:
            InputError: not JSON, a field unknown, missing or of another type, another format.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(
                f"the run record is not JSON: {error.msg}", path=path, line=error.lineno
            ) from error
        if isinstance(data, dict) and data.get("format", FORMAT) != FORMAT:
            raise InputError(
                f"run record of format {data['format']!r}, this version reads {FORMAT}", path=path
            )
        record: RunRecord = _typed(cls, data, "the run record", path)
        return record

    def write(self, path: Path | str) -> None:
        """Write the record, whole or not at all."""
        with replacing(path) as file:
            file.write(self.to_json().encode())

    @classmethod
    def read(cls, path: Path | str) -> "RunRecord":
        """Read a record; InputError as `from_json`, also where the file cannot be read."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the run record cannot be read: {error}", path=path) from error
        return cls.from_json(text, path=path)


def _typed(kind: Any, value: Any, where: str, path: Path | str | None) -> Any:
    """A JSON value as the annotated type, or InputError naming the place in the record."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(value, dict):
        return _dataclass(kind, value, where, path)
    if origin is tuple and isinstance(value, list):
        return tuple(_typed(arguments[0], v, f"{where}[{i}]", path) for i, v in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {k: _typed(arguments[1], v, f"{where}.{k}", path) for k, v in value.items()}
    if origin is UnionType:
        return _union(arguments, value, where, path)
    if type(value) is kind or (kind is float and type(value) is int):
        return value
    raise InputError(f"{where} is not of type {getattr(kind, '__name__', kind)}", path=path)


def _union(kinds: tuple[Any, ...], value: Any, where: str, path: Path | str | None) -> Any:
    for kind in kinds:
        with contextlib.suppress(InputError):
            return _typed(kind, value, where, path)
    raise InputError(f"{where} is of none of the types {kinds}", path=path)


def _dataclass(kind: Any, value: dict[str, Any], where: str, path: Path | str | None) -> Any:
    names = {field.name for field in fields(kind)}
    if names != set(value):
        unknown, missing = sorted(set(value) - names), sorted(names - set(value))
        raise InputError(f"{where}: unknown fields {unknown}, missing {missing}", path=path)
    hints = get_type_hints(kind)
    return kind(**{k: _typed(hints[k], v, f"{where}.{k}", path) for k, v in value.items()})
