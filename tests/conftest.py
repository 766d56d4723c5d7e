"""Where the open data and the oracle programs are, and what their absence means."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No test depends on time: a busy machine is not a failure.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

OPEN_DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "open"
REQUIRED = "MPCGEN_REQUIRE_ORACLES" in os.environ


def missing(what: str) -> None:
    """Skip with a word; where the oracles are required, fail."""
    if REQUIRED:
        pytest.fail(f"{what} is missing, and MPCGEN_REQUIRE_ORACLES is set")
    pytest.skip(f"{what} is missing")


@pytest.fixture(scope="session")
def open_data() -> Path:
    """The folder of real genotypes with PLINK's answers."""
    if not OPEN_DATA.is_dir():
        missing(f"the open data ({OPEN_DATA.name}/)")
    return OPEN_DATA


@pytest.fixture(scope="session")
def program():  # type: ignore[no-untyped-def]
    """Path of an oracle program on this machine: program("plink1.9")."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            missing(name)
        return str(path)

    return find
