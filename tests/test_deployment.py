"""The examples of a service and a container: what they say exists, here and in systemd."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mpcgen.cli import main
from mpcgen.cli_party import party_serve
from mpcgen.parties.health import Health
from tests.ports import LOOPBACK

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
UNIT = (EXAMPLES / "mpcgen-party.service").read_text()
CONTAINER = (EXAMPLES / "Containerfile").read_text()
PORT = "8471"


def settings() -> dict[str, str]:
    """The settings of the unit, each once."""
    lines = [line for line in UNIT.splitlines() if "=" in line and not line.startswith("#")]
    found = dict(line.split("=", 1) for line in lines)
    assert len(found) == len(lines)
    return found


def instructions() -> list[tuple[str, str]]:
    """The instructions of the container's file."""
    whole = re.sub(r"\\\n", " ", CONTAINER)
    lines = [line for line in whole.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def assert_serves(words: Sequence[str]) -> None:
    """These are arguments of `mpcgen party serve`, and all that it needs."""
    context = party_serve.make_context("serve", list(words))
    assert context.params["health"] == f"{LOOPBACK}:{PORT}"


def test_the_commands_exist() -> None:
    program, *words = shlex.split(settings()["ExecStart"])
    assert (Path(program).name, words[:2]) == ("mpcgen", ["party", "serve"])
    assert_serves(words[2:])
    found = dict(instructions())
    entry = json.loads(found["ENTRYPOINT"])
    assert entry == ["mpcgen", "party", "serve"]
    assert "party" in main.commands
    assert_serves(json.loads(found["CMD"]))


def test_the_service_is_given_little() -> None:
    found = settings()
    on = ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces")
    assert {found[key] for key in on} == {"yes"}
    assert (found["ProtectSystem"], found["CapabilityBoundingSet"]) == ("strict", "")
    assert found["User"] not in ("", "root")
    assert found["KillMode"] == "mixed"  # children are told by the resident process
    grace = int(re.findall(r"--grace (\d+)", found["ExecStart"])[0])
    assert int(found["TimeoutStopSec"]) > grace


def test_systemd_knows_every_setting(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is missing")
    here = {"ExecStart": "/bin/true", "User": "daemon", "Group": "daemon"}
    text = UNIT
    for key, value in here.items():
        text = re.sub(f"^{key}=.*", f"{key}={value}", text, flags=re.M)
    for name, unit in (("good", text), ("bad", text.replace("NoNew", "Know"))):
        file = tmp_path / f"{name}.service"
        file.write_text(unit)
        run = [program, "verify", str(file)]
        said = subprocess.run(run, capture_output=True, text=True, check=False).stderr
        assert (f"{name}.service:" in said) == (name == "bad"), said


def test_the_container_is_nobodys() -> None:
    found = instructions()
    last = max(n for n, (word, _) in enumerate(found) if word == "FROM")
    words = [word for word, _ in found[last:]]
    users = [rest for word, rest in found[last:] if word == "USER"]
    assert users == ["10001"]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert dict(found)["STOPSIGNAL"] == "SIGTERM"
    known = {
        *("FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "STOPSIGNAL"),
        *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
    assert {word for word, _ in found} <= known


def test_the_containers_question_about_health() -> None:
    (check,) = (rest for word, rest in instructions() if word == "HEALTHCHECK")
    python, *words = json.loads(check.partition("CMD ")[2])
    assert python == "python"
    served = Health(f"{LOOPBACK}:0", lambda: {"status": "up"})
    words = [word.replace(PORT, str(served.port)) for word in words]
    assert subprocess.run([sys.executable, *words], check=False).returncode == 0
    served.close()
    run = [sys.executable, *words]
    assert subprocess.run(run, capture_output=True, check=False).returncode != 0
