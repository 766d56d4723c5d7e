"""The product's source files, parsed, by the names they are imported by."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"mpcgen": ROOT / "mpcgen", "mpcgen.protocols": ROOT / "protocols"}
PACKAGES["mpcgen.parties"] = ROOT / "parties"


@cache
def sources() -> dict[str, ast.Module]:
    """Every module of the product: imported name -> its syntax tree."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            inner = path.relative_to(folder).with_suffix("").parts
            if package == "mpcgen" and inner[0] in {"protocols", "parties"}:
                continue  # the links, where rglob follows them
            name = ".".join((package, *inner)).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(), str(path))
    return found
