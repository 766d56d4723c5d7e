"""Plans whose parties have identities and jurisdictions, and policies about them."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from tests import small

IDENTITY = {name: hashlib.sha256(name.encode()).hexdigest() for name in "ABCDX"}
COUNTRY = {"A": "FI", "B": "SE", "C": "DE", "D": "NO"}
GENERAL = '\n[use]\npermission = "DUO:0000042"\n'
PARTNERS = "".join(
    f'\n[[partners]]\nname = "{name}"\nidentity = "{IDENTITY[name]}"\nnot_for_profit = true\n'
    for name in "BC"
)


def place(plan: Path, names: str = "ABC", countries: Mapping[str, str] = COUNTRY) -> Path:
    """Give the parties of a plan other identities, and jurisdictions; returns the plan."""
    plan.write_text(re.sub("identity = .*\n", "", plan.read_text()))
    for name in names:
        more = f'identity = "{IDENTITY[name]}"\njurisdiction = "{countries[name]}"\n'
        small.edit(
            plan,
            f'[[institutions]]\nname = "{name}"\n',
            f'[[institutions]]\nname = "{name}"\n{more}',
        )
    return plan


def about(plan: Path, purpose: str, disease: str = "[]") -> Path:
    """Give a plan its purpose and its disease, as TOML lists; returns the plan."""
    lines = f"purpose = {purpose}\n" + (f"disease = {disease}\n" if disease != "[]" else "")
    small.edit(plan, "[study]\n", f"[study]\n{lines}")
    return plan


def write(path: Path, text: str = GENERAL, institution: str = "A") -> Path:
    """Write a policy; returns its file."""
    path.write_text(f'institution = "{institution}"\n{text}')
    return path


def line_of(path: Path, start: str) -> int:
    """The number of the first line of a file that begins so."""
    lines = path.read_text().splitlines()
    return next(n for n, line in enumerate(lines, 1) if line.startswith(start))
