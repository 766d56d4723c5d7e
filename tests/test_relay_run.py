"""The relay as a program, and a whole study by way of it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mpcgen.audit import identity
from mpcgen.cli import main
from mpcgen.errors import ConfigError, PlanError, PortTaken
from mpcgen.net.relay.start import listening, read_allowed
from mpcgen.parties.run import channel_to, config_of
from mpcgen.study.load import load_study
from tests import small, studies
from tests.ports import LOOPBACK, free_ports


class Program:
    """`mpcgen relay` in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]"):
        self._process = process
        self.lines = [self._line(), self._line()]

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line: dict[str, Any] = json.loads(self._process.stdout.readline())
        return line

    def stop(self) -> list[dict[str, Any]]:
        """Ask it to end; all that it wrote, from its start on."""
        self._process.send_signal(signal.SIGTERM)
        rest, errors = self._process.communicate(timeout=60)
        assert (self._process.returncode, errors) == (0, "")
        return [*self.lines, *map(json.loads, rest.splitlines())]


@contextmanager
def relay_program(folder: Path, *options: str) -> Iterator[Program]:
    command = [sys.executable, "-m", "mpcgen", "relay", "--identity", str(folder / "relay.key")]
    with subprocess.Popen(
        [*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Program(process)
        finally:
            process.kill()


def by_relay(plan: Path, address: str, relay_identity: str) -> Path:
    """The same plan, by way of a relay, and no institution listens anywhere."""
    text = "".join(
        line
        for line in plan.read_text().splitlines(keepends=True)
        if not line.startswith("address = ")
    )
    network = f'topology = "relay"\nrelay = "{address}"\nrelay_identity = "{relay_identity}"\n'
    plan.write_text(text.replace("[network]\n", "[network]\n" + network))
    return plan


def test_a_study_by_way_of_a_relay_gives_the_same_tables(tmp_path: Path) -> None:
    """The relay knows three identities, and learns who talked to whom, and how much."""
    plan = small.lay_out(tmp_path)
    expected = studies.tables(studies.run_in_threads(plan, tmp_path / "threads"))
    own = identity.create(tmp_path / "relay.key")
    pins = [institution.identity for institution in load_study(plan).plan.institutions]
    (tmp_path / "allowed").write_text("# who may come\n\n" + " # one\n".join(pins))
    (port,) = free_ports(1)
    address = f"{LOOPBACK}:{port}"
    options = ("--listen", address, "--allow", str(tmp_path / "allowed"))
    with relay_program(tmp_path, *options) as program:
        assert program.lines[0]["identity"] == own.public
        assert (program.lines[1]["address"], program.lines[1]["port"]) == (LOOPBACK, port)
        by_relay(plan, address, own.public)
        assert studies.tables(studies.run_in_processes(plan, tmp_path / "out")) == expected
        lines = program.stop()
    left = [line for line in lines if line["event"] == "left"]
    assert {line["identity"] for line in left} == set(pins)
    assert all("why" not in line for line in left)
    assert lines[-1]["event"] == "stopped"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --allow FILE, or --open"),
        (("--allow", "x", "--open"), "give --allow FILE, or --open"),
        (("--open", "--listen", "nowhere"), "is no address"),
        (("--open", "--listen", "192.0.2.1:7001"), "cannot listen at 192.0.2.1:7001"),
        (("--allow", "none"), "none: the identities cannot be read: there is no such file"),
    ],
)
def test_wrong_options_are_told(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    identity.create(tmp_path / "relay.key")
    run = CliRunner().invoke(main, ["relay", "--identity", str(tmp_path / "relay.key"), *options])
    assert run.exit_code != 0
    assert words in run.output


def test_a_taken_port_is_told() -> None:
    with listening(f"{LOOPBACK}:{free_ports(1)[0]}") as first:
        address = f"{LOOPBACK}:{first.getsockname()[1]}"
        with pytest.raises(PortTaken, match=f"cannot listen at {address}: another process does"):
            listening(address)


def test_a_relay_listens_where_it_is_told() -> None:
    with listening(f"localhost:{free_ports(1)[0]}") as local:
        assert local.getsockname()[0] in {"127.0.0.1", "::1"}
    with listening(f"*:{free_ports(1)[0]}") as everywhere:
        assert everywhere.getsockname()[0] in {"0.0.0.0", "::"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lists nobody"),
        ("# nobody\n", "lists nobody"),
        ("ab" * 31, "line 1: an identity is 64 hexadecimal digits"),
        ("\n" + "AB" * 32, "line 2: an identity is 64 hexadecimal digits"),
        ("ab" * 32 + " " + "cd" * 32, "line 1: an identity is 64 hexadecimal digits"),
        ("ab" * 32 + "\n" * (1 << 20), "at most 1048576 bytes"),
        ("\ud800", "not UTF-8"),
    ],
)
def test_what_lists_no_identities_is_refused(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "allowed"
    path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(ConfigError, match=words):
        read_allowed(path)
    with pytest.raises(ConfigError, match="folder"):
        read_allowed(tmp_path)


def test_a_party_needs_the_identity_that_the_plan_pins(tmp_path: Path) -> None:
    plan = small.lay_out(tmp_path)
    by_relay(plan, f"{LOOPBACK}:1", "ab" * 32)
    config = config_of("A", tmp_path / "A.toml")
    with channel_to(load_study(plan), config, absence=0.0) as channel:
        assert channel.real
    (tmp_path / "A.identity").unlink()
    identity.create(tmp_path / "A.identity")
    with pytest.raises(ConfigError, match=r"the plan pins .* for A"):
        channel_to(load_study(plan), config, absence=0.0)
    text = plan.read_text().splitlines(keepends=True)
    plan.write_text("".join(line for line in text if not line.startswith("identity = ")))
    with pytest.raises(PlanError, match="with a relay every institution has an identity"):
        channel_to(load_study(plan), config, absence=0.0)
