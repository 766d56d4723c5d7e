"""A small study in one folder for tests of the command line, and what its commands say."""

import hashlib
import re
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from mpcgen.cli import main
from mpcgen.errors import PlanError
from mpcgen.study.load import load_study
from mpcgen.study.read import read_plan
from tests import studies

VARIANTS, PEOPLE = 11, 8  # so that a .bed of another width has no whole number of rows
ENTRIES = studies.OF_GROUPS + studies.ASSOCIATION
NAMES = studies.NAMES
PEAK = "s1\ns3\ns4\n"
LINKAGE = f"""
[[entries]]
name = "peak"
statistic = "linkage"
window = 5
variants = "peak.ids"
variants_sha256 = "{hashlib.sha256(PEAK.encode()).hexdigest()}"
"""


def lay_out(
    folder: Path,
    entries: str = ENTRIES,
    rules: studies.Rules | None = None,
    names: Sequence[str] = NAMES,
) -> Path:
    """Write everybody's PLINK files, configurations and keys, and a plan; returns the plan.

    A dealer is one of the names, and has no data.
    """
    dealer = rules.dealer if rules else None
    rng = np.random.default_rng(1)
    bim = [f"2\ts{i}\t0\t{1000 * (i + 1)}\tA\tG\n" for i in range(VARIANTS)]
    for name in names:
        (folder / f"{name}.bim").write_text("".join(bim))
        fam = [f"{name}{i}\t{name}{i}\t0\t0\t{i % 2 + 1}\t{i % 2 + 1}\n" for i in range(PEOPLE)]
        (folder / f"{name}.fam").write_text("".join(fam))
        rows = rng.integers(0, 256, VARIANTS * PEOPLE // 4, np.uint8)
        (folder / f"{name}.bed").write_bytes(b"\x6c\x1b\x01" + rows.tobytes())
    lines = [f"2\t{1000 * (i + 1)}\ts{i}\tG\tA\n" for i in range(VARIANTS)]
    members = [studies.Member(n, None if n == dealer else folder / n) for n in names]
    with tempfile.TemporaryDirectory() as elsewhere:
        sites = Path(elsewhere) / "sites.tsv"
        sites.write_text("CHROM\tPOS\tID\tREF\tALT\n" + "".join(lines))
        return studies.lay_out(folder, members, sites, entries, rules)


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first of what stands in a file."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def command(*words: object) -> Result:
    """What `mpcgen WORDS` does, in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


def start(plan: Path, name: str) -> subprocess.Popen[str]:
    """`mpcgen run PLAN --as NAME`, in a process of its own."""
    words = ["run", str(plan), "--as", name, "--config", str(plan.with_name(f"{name}.toml"))]
    return subprocess.Popen(
        [sys.executable, "-m", "mpcgen", *words, "--no-plots"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def succeeded(*words: object) -> str:
    """What `mpcgen WORDS` says where it succeeds."""
    result = command(*words)
    assert result.exit_code == 0, result.output
    return str(result.output)


def assert_refused(result: Result, *words: str) -> None:
    """It ended with one message that has all these words, and no traceback."""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1, result.output
    said = [line for line in result.output.splitlines() if not line.startswith("WARNING")]
    assert said[0].startswith("mpcgen: "), result.output
    assert_told("\n".join(said), *words)


def assert_entry_refused(plan: Path, which: int, words: str) -> None:
    """A plan is refused with these words, at the line of one of its entries."""
    with pytest.raises(PlanError, match=re.escape(words)) as refused:
        load_study(plan)
    lines = plan.read_text().split("\n")
    starts = [n for n, line in enumerate(lines, 1) if line == "[[entries]]"]
    assert refused.value.line == starts[which]


def assert_told(text: str, *words: str) -> None:
    """A message has all these words, and is no traceback."""
    assert "Traceback" not in text, text
    for word in words:
        assert word in text


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too, and every folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"a folder"
        for path in folder.rglob("*")
    }


@contextmanager
def nothing_written(folder: Path) -> Iterator[None]:
    """Nothing in a folder may change."""
    before = snapshot(folder)
    yield
    assert snapshot(folder).keys() == before.keys()
    assert snapshot(folder) == before


@contextmanager
def nobody_called(plan: Path, names: Sequence[str]) -> Iterator[None]:
    """Listen where these institutions would; nobody may connect."""
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(socket.create_server(_address(plan, name))) for name in names
        ]
        yield
        assert select.select(listeners, [], [], 0)[0] == []


def _address(plan: Path, name: str) -> tuple[str, int]:
    host, _, port = read_plan(plan).institution(name).address.rpartition(":")
    return host, int(port)
