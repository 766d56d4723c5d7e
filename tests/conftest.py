"""What several tests share: open data and oracle programs (or what their absence means), a plan."""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import open_sets, small

# No test depends on time: a busy machine is not a failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

OPEN_DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "open"
REQUIRED = "MPCGEN_REQUIRE_ORACLES" in os.environ
SAID = "said"


def missing(what: str) -> None:
    """Skip with a word; where the oracles are required, fail."""
    if REQUIRED:
        pytest.fail(f"{what} is missing, and MPCGEN_REQUIRE_ORACLES is set")
    pytest.skip(f"{what} is missing")


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Puts a line at the end of the report, whichever process the test runs in."""
    return partial(record_property, SAID)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have said."""
    reports = [r for how in ("passed", "failed") for r in terminalreporter.stats.get(how, [])]
    lines = [line for r in reports for name, line in r.user_properties if name == SAID]
    if lines:
        terminalreporter.section("what tests have found")
    for line in sorted(lines):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def open_data() -> Path:
    """The folder of real genotypes with PLINK's answers."""
    if not OPEN_DATA.is_dir():
        missing(f"the open data ({OPEN_DATA.name}/)")
    return OPEN_DATA


@pytest.fixture(scope="module", params=open_sets.NAMES)
def open_set(request: pytest.FixtureRequest, open_data: Path) -> Path:
    """The folder of each open set."""
    return open_data / str(request.param)


@pytest.fixture(scope="module")
def answers(open_set: Path) -> open_sets.Answers:
    """PLINK's answers on the pooled data of that set."""
    return partial(open_sets.answer, open_set.parent, open_set.name)


@pytest.fixture(scope="module")
def plan_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study's, whose plan names a list of variants."""
    folder = tmp_path_factory.mktemp("plan")
    small.lay_out(folder, small.ENTRIES + small.LINKAGE)
    (folder / "peak.ids").write_text(small.PEAK)
    return folder


@pytest.fixture(scope="module")
def plan_text(plan_folder: Path) -> str:
    """The text of that plan."""
    return (plan_folder / "plan.toml").read_text()


@pytest.fixture(scope="session")
def program():  # type: ignore[no-untyped-def]
    """Path of an oracle program on this machine: program("plink1.9")."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing(name)
        return str(path)

    return find
