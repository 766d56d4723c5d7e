"""Rounds do not depend on the number of variants, and are few enough for a line round the world."""

import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from mpcgen.net.channel import Channel
from mpcgen.parties.party import ignore, take_part
from mpcgen.parties.run import zmq_channel
from mpcgen.study.institution import read_config
from mpcgen.study.load import load_study
from tests import studies
from tests.faulty import behind_proxies
from tests.small import NAMES

VARIANTS, PEOPLE = 100_000, 120
MOST = 60
"""Round trips of a whole session, from the handshake on."""
ASSOCIATION = '\n[[entries]]\nstatistic = "association"\n'


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An association of a hundred thousand variants under the default floors."""
    folder = tmp_path_factory.mktemp("rounds")
    rng = np.random.default_rng(1)
    bim = "".join(f"2\ts{i}\t0\t{i + 1}\tA\tG\n" for i in range(VARIANTS))
    sites = "".join(f"2\t{i + 1}\ts{i}\tG\tA\n" for i in range(VARIANTS))
    for name in NAMES:
        (folder / f"{name}.bim").write_text(bim)
        fam = [f"{name}{i}\t{name}{i}\t0\t0\t1\t{i % 2 + 1}\n" for i in range(PEOPLE)]
        (folder / f"{name}.fam").write_text("".join(fam))
        rows = rng.integers(0, 256, VARIANTS * PEOPLE // 4, np.uint8)
        (folder / f"{name}.bed").write_bytes(b"\x6c\x1b\x01" + rows.tobytes())
    listed = folder / "listed"
    listed.mkdir()
    (listed / "sites.tsv").write_text("CHROM\tPOS\tID\tREF\tALT\n" + sites)
    members = [studies.Member(name, folder / name) for name in NAMES]
    rules = studies.Rules(release="")
    return studies.lay_out(folder, members, listed / "sites.tsv", ASSOCIATION, rules)


def rounds_of(plan: Path) -> dict[str, int]:
    """The rounds of a session over sockets, of every party; all variants are decided in it."""
    study = load_study(plan)
    rounds = dict[str, int]()

    def party(name: str) -> None:
        made: list[Channel] = []

        def connect() -> Channel:
            made.append(zmq_channel(study, config, absence=0.0))
            return made[0]

        config = read_config(plan.with_name(f"{name}.toml"))
        session = take_part(study, config, connect, ignore)
        assert any(VARIANTS in opening.shape for opening in session.opened)
        rounds[name] = made[0].rounds

    threads = [threading.Thread(target=party, args=(name,)) for name in NAMES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rounds


def test_a_hundred_thousand_variants_take_at_most_sixty_round_trips(plan: Path) -> None:
    rounds = rounds_of(plan)
    assert rounds.keys() == set(NAMES)
    assert max(rounds.values()) <= MOST


@pytest.mark.skipif("MPCGEN_LONG_FAULTS" not in os.environ, reason="takes a minute")
def test_so_they_do_at_200_ms(plan: Path, tmp_path: Path) -> None:
    far = tmp_path / "far"
    shutil.copytree(plan.parent, far)
    with behind_proxies(far / "plan.toml", rate=100e6 / 8, delay=0.1):
        began = time.monotonic()
        rounds = rounds_of(far / "plan.toml")
        print(f"{max(rounds.values())} rounds in {time.monotonic() - began:.1f} s")
    assert max(rounds.values()) <= MOST
