"""Plans whose parties have jurisdictions, and policies about them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from mpcgen.study.read import read_plan
from tests import small

IDENTITY = {name: hashlib.sha256(name.encode()).hexdigest() for name in "ABCDX"}
"""What stands for an institution's identity in a policy's text, see of."""
COUNTRY = {"A": "FI", "B": "SE", "C": "DE", "D": "NO"}
GENERAL = '\n[use]\npermission = "DUO:0000042"\n'
PARTNERS = "".join(
    f'\n[[partners]]\nname = "{name}"\nidentity = "{IDENTITY[name]}"\nnot_for_profit = true\n'
    for name in "BC"
)


def place(plan: Path, names: str = "ABC", countries: Mapping[str, str] = COUNTRY) -> Path:
    """Give the parties of a plan their jurisdictions; returns the plan."""
    for name in names:
        head = f'[[institutions]]\nname = "{name}"\n'
        small.edit(plan, head, f'{head}jurisdiction = "{countries[name]}"\n')
    return plan


def about(plan: Path, purpose: str, disease: str = "[]") -> Path:
    """Give a plan its purpose and its disease, as TOML lists; returns the plan."""
    lines = f"purpose = {purpose}\n" + (f"disease = {disease}\n" if disease != "[]" else "")
    small.edit(plan, "[study]\n", f"[study]\n{lines}")
    return plan


def of(plan: Path, text: str) -> str:
    """A policy's text with the identities of a plan's institutions."""
    for institution in read_plan(plan).institutions:
        mark = IDENTITY[institution.name]
        text = text.replace(mark, institution.identity or mark)
    return text


def write(path: Path, text: str = GENERAL, institution: str = "A") -> Path:
    """Write a policy; returns its file."""
    path.write_text(f'institution = "{institution}"\n{text}')
    return path


def line_of(path: Path, start: str) -> int:
    """The number of the first line of a file that begins so."""
    lines = path.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.startswith(start))
