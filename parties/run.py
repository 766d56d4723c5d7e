"""Running a plan: one institution over the network, or all of them on this machine."""

import importlib
import math
import platform
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from mpcgen import __version__
from mpcgen.errors import ConfigError
from mpcgen.net import keys
from mpcgen.net.channel import Channel
from mpcgen.parties.approvals import require_approved
from mpcgen.parties.consents import consenting
from mpcgen.parties.journal import Journal
from mpcgen.parties.local import Started, run_as_processes
from mpcgen.parties.party import Session, ignore, take_part
from mpcgen.parties.relayed import relay_channel
from mpcgen.parties.results import Output, Results
from mpcgen.parties.session import Approvals, unapproved
from mpcgen.parties.state import digest_of, plan_state
from mpcgen.parties.withdrawal import heeding_withdrawals
from mpcgen.report.folders import replacing_folder
from mpcgen.report.record import Opening, RunRecord, Step, Value
from mpcgen.study.batch import Task
from mpcgen.study.institution import InstitutionConfig, read_config
from mpcgen.study.loop import Progress
from mpcgen.study.plan import Plan
from mpcgen.study.study import Study

RECORD = "record.json"


def run_institution(
    study: Study,
    config: InstitutionConfig,
    output: Output,
    progress: Progress = lambda _units: None,
) -> None:
    """Run a study that all have approved, as one institution, and write its results.

    With a folder for its state it keeps a journal there, and goes on where a run was broken off.

    Raises:
        ApprovalError: an institution has not approved the plan, or has withdrawn from it.
        MpcgenError: what else went wrong; no result was written.
    """
    plan = study.plan
    approvals = partial(require_approved, plan)
    connect = partial(channel_to, study, config, absence=plan.absence_seconds)
    signed = [*(i.identity for i in plan.institutions), *consenting(plan)]
    if config.state_folder is None:
        output.refuse_existing()
    with heeding_withdrawals(plan, config, progress) as told:
        approvals()
        write = partial(
            _write_results,
            *(study, config, connect, told, output),
            approvals=approvals,
            signed=signed,
        )
        if config.state_folder is not None:
            _resume(config.state_folder, plan, output, write)
            return
        with replacing_folder(output.folder) as folder:
            write(folder)


def _resume(
    state_folder: Path, plan: Plan, output: Output, write: Callable[[Path, Journal], None]
) -> None:
    """Write results once, whatever becomes of the processes that do it."""
    with plan_state(state_folder, plan.sha256) as state:
        if not (output.folder.exists() and state.has_written(digest_of(output.folder))):
            journal = state.journal
            output.refuse_existing()
            with replacing_folder(output.folder) as folder:
                write(folder, journal)
                state.write(digest_of(folder))
        state.end()


def _write_results(
    study: Study,
    config: InstitutionConfig,
    connect: Callable[[], Channel],
    progress: Progress,
    output: Output,
    folder: Path,
    journal: Journal | None = None,
    approvals: Approvals = unapproved,
    signed: Collection[str] = (),
) -> None:
    started = datetime.now(UTC)
    results = Results(study, output, folder)
    warn, say = partial(_tell, config.name), partial(_say, config.name)
    session = take_part(
        *(study, config, connect, results.write),
        progress=progress,
        warn=warn,
        approvals=approvals,
        signed=signed,
        journal=journal,
        say=say,
    )
    _record(study, config.name, session, results, started).write(folder / RECORD)


def _compare_only(
    study: Study, config: InstitutionConfig, connect: Callable[[], Channel], progress: Progress
) -> None:
    warn = partial(_tell, config.name)
    take_part(study, config, connect, ignore, progress=progress, warn=warn)


def _tell(name: str, words: str) -> None:
    """Warn an institution of what concerns it alone, on its own standard error."""
    print(f"WARNING  {name}: {words}", file=sys.stderr, flush=True)


def _say(name: str, words: str) -> None:
    """Tell an operator how the run goes."""
    print(f"{name}: {words}", file=sys.stderr, flush=True)


def run_local(
    study: Study,
    configs: Mapping[str, Path],
    outputs: Mapping[str, Output],
    progress: Progress = lambda _units: None,
    started: Started = lambda _name, _process: None,
) -> None:
    """Run all of a plan's institutions as processes on this machine: a rehearsal.

    It needs no approvals: who can run it has everybody's data and keys.

    Args:
        configs: institution -> its private configuration.
        outputs: institution -> where its results go. All have the same, so one may be enough; one
            that is not named compares what was opened, and writes nothing.
        progress: told by the first institution that learns what is opened.
        started: told the name and the process id of each.

    Raises:
        MpcgenError: which institution stopped the study; it has told why.
    """
    for output in outputs.values():
        output.refuse_existing()
    net = "mpcgen.net.relay.channel" if study.plan.topology == "relay" else "mpcgen.net.zeromq"
    wanted = (net, "mpcgen.ring_kernels", "mpcgen.bit_kernels")
    for module in wanted if study.decides else wanted[:-1]:
        importlib.import_module(module)  # once, before the institutions fork
    parts: dict[str, Callable[[], object]] = {}
    # The drafts are this process's, so that none is left whatever ends an institution's.
    with ExitStack() as drafts:
        for name in study.plan.names:
            told = progress if name == study.plan.readers[0] else lambda _units: None
            config = config_of(name, configs[name])
            # On one machine a connection ends where its process does: nobody is waited for.
            taken = (study, config, partial(channel_to, study, config, absence=0.0), told)
            parts[name] = partial(_compare_only, *taken)
            if name in outputs:
                folder = drafts.enter_context(replacing_folder(outputs[name].folder))
                parts[name] = partial(_write_results, *taken, outputs[name], folder)
        run_as_processes(parts, started)


def configs_in(folder: Path, study: Study) -> dict[str, Path]:
    """Where the configurations of a rehearsal are: FOLDER/NAME.toml, or FOLDER/NAME/NAME.toml."""
    return {
        name: own if (own := folder / name / f"{name}.toml").exists() else folder / f"{name}.toml"
        for name in study.plan.names
    }


def config_of(name: str, path: Path) -> InstitutionConfig:
    """The configuration of one institution.

    Raises:
        ConfigError: it is wrong, or another institution's.
    """
    config = read_config(path)
    if config.name != name:
        raise ConfigError(f'the name here is "{config.name}", not "{name}"', path=path)
    return config


def channel_to(study: Study, config: InstitutionConfig, *, absence: float) -> Channel:
    """This institution's channel to the others, as the plan's topology has it.

    Args and Raises are those of `zmq_channel` and `relay_channel`.
    """
    if study.plan.topology == "relay":
        notice = partial(_tell, config.name)
        return relay_channel(study, config, absence=absence, notice=notice)
    return zmq_channel(study, config, absence=absence)


def zmq_channel(study: Study, config: InstitutionConfig, *, absence: float) -> Channel:
    """This institution's channel to the others, by the plan's addresses and keys.

    Args:
        absence: seconds for which a party is waited for whose connection was lost.

    Raises:
        ConfigError: no key, or another key than the plan pins.
        TransportError: the port is taken.
    """
    from mpcgen.net.sockets import Peer  # noqa: PLC0415
    from mpcgen.net.zeromq import ZmqChannel  # noqa: PLC0415

    plan = study.plan
    me = plan.institution(config.name)
    if config.key_file is None:
        raise ConfigError("[key] file is missing; make one with `mpcgen keygen`", path=config.path)
    pair = keys.load(config.key_file)
    if pair.public != me.key:
        raise ConfigError(
            f"the public key of {config.key_file} is {pair.public}; the plan pins {me.key} for "
            f"{me.name}",
            path=config.path,
        )
    return ZmqChannel(
        me.name,
        config.listen or me.address,
        pair,
        {i.name: Peer(i.address, i.key) for i in plan.institutions if i.name != me.name},
        timeout=plan.timeout_seconds,
        connect_timeout=plan.connect_seconds,
        absence=absence,
        on_notice=partial(_tell, me.name),
    )


def _record(
    study: Study, me: str, session: Session, results: Results, started: datetime
) -> RunRecord:
    plan = study.plan
    return RunRecord(
        study=plan.id,
        plan=plan.sha256,
        started=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        software={
            "mpcgen": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        engine=plan.engine,
        parties={name: _roles(plan, name) for name in plan.names},
        parameters={task.entry.name: _parameters(task) for task in study.tasks},
        thresholds=dict(_thresholds(study)),
        floors={} if plan.floors is None else asdict(plan.floors),
        kept=results.kept,
        lambdas=results.lambdas,
        counted=results.counted,
        costs=(
            Step(
                step=f"sent by {me}" + f" in epoch {session.epoch}" * (session.epoch > 1),
                rounds=session.declared.rounds,
                bytes_declared=session.declared.sent.get(me, 0),
                bytes_measured=session.sent_bytes,
                seconds=round(session.seconds, 3),
            ),
        ),
        opened=tuple(
            Opening(label=o.label, shape=o.shape, recipients=o.to) for o in session.opened
        ),
        warnings=(*plan.warnings, *results.notes),
    )


def _roles(plan: Plan, name: str) -> str:
    roles = {"owner": plan.owners, "computing party": plan.computing, "dealer": (plan.dealer,)}
    return ", ".join(role for role, names in roles.items() if name in names)


def _thresholds(study: Study) -> Iterator[tuple[str, float]]:
    """The thresholds as they take effect, and the p-values that they mean."""
    for task in study.tasks:
        for t in (t for decision in task.decisions for t in decision.effective):
            yield f"{task.entry.name}: {t.name}", t.value
            if t.p is not None:
                yield f"{task.entry.name}: p of {t.name}", t.p


def _parameters(task: Task) -> dict[str, Value]:
    entry = task.entry
    alone: dict[str, Value] = {}
    for value in task.values:
        alone = {"binary_digits": value.digits, "step": math.ldexp(1, -value.digits)}
    options = {key: tuple(v) if isinstance(v, list) else v for key, v in entry.options.items()}
    return cast(
        dict[str, Value],
        {"statistic": entry.statistic, "release": entry.release, **alone, **options},
    )
