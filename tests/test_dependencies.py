"""Which module may import which, and what nobody imports: read off the syntax of all sources."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from mpcgen.protocols.catalogue import STATISTICS
from tests.sources import sources

GROUND = (
    *("errors", "files", "prg", "codec", "jit", "compiler", "cost", "leakage"),
    *("ring", "ring_kernels", "ring_loops", "bits", "bit_kernels", "bit_loops"),
    *("tags", "tag_kernels", "tag_loops", "field"),
)
TOP = (
    *("api", "api_approvals", "__main__"),
    *("cli", "cli_ledger", "cli_parts", "cli_party", "cli_policy", "cli_relay", "cli_study"),
    *("memory", "progress", "simulate", "demo", "bench", "conformance"),
)

# part -> the parts it may import besides itself; the ground floor's own order is below
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "secret": GROUND,
    "keeper": (*GROUND, "secret"),
    "abb": (*GROUND, "secret", "keeper"),
    "dry": (*GROUND, "secret", "abb"),
    "genome": GROUND,
    "net": GROUND,
    "audit": GROUND,
    "report": (*GROUND, "genome"),
    "protocols": (*GROUND, "secret", "abb", "dry", "genome"),
    "study": (*GROUND, "secret", "keeper", "abb", "dry", "genome", "protocols"),
    "parties": (
        *GROUND,
        *("secret", "keeper", "abb", "genome", "protocols", "study", "net", "report", "audit"),
    ),
}
GROUND_ORDER = {
    "errors": (),
    "files": ("errors",),
    "jit": (),
    "compiler": (),
    "codec": ("errors",),
    "cost": ("ring",),
    "leakage": ("errors",),
    "bit_loops": ("compiler",),
    "bit_kernels": ("jit",),
    "bits": ("bit_kernels", "ring"),
    "tag_loops": ("compiler",),
    "tag_kernels": ("jit",),
    "tags": ("bits", "ring", "tag_kernels"),
    "field": ("bits", "ring", "tag_kernels", "tags"),
    "ring_loops": ("compiler",),
    "ring_kernels": ("errors", "jit"),
    "ring": ("errors", "jit", "ring_kernels"),
    "prg": ("errors", "codec", "ring"),
}
EVERYWHERE_BANNED = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve",
    "torch", "crypten", "tenseal", "requests", "urllib", "http",
}  # fmt: skip
CRYPTEN = "mpcgen.protocols.crypten_party"
OPTIONAL = {  # the modules that import an extra; CrypTen's import needs mending (sys.modules)
    "mpcgen.protocols.bfv": {"tenseal"},
    CRYPTEN: {"torch", "crypten", "sys"},
}
RANDOMNESS = {"random", "secrets", "numpy.random", "uuid", "_random", "msprime"}
INPUTS = "mpcgen.bench.inputs"  # made up, as the simulator's are
SIDE_EFFECTS = {"os", "io", "pathlib", "socket", "zmq", "time", "datetime", "subprocess", "sys"}
HEAVY = ("numba", "pandas", "matplotlib", "pyarrow", "scipy", "msprime")

MODULES = sorted(sources())


def imports(module: str) -> Iterator[str]:
    """Full names of all that a module imports, anywhere in it: a.b for `from a import b`."""
    for node in ast.walk(sources()[module]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part(module: str) -> str:
    """The part of the product a module belongs to: mpcgen.study.plan -> study."""
    return module.split(".")[1] if "." in module else ""


def own_imports(module: str) -> set[str]:
    """The parts a module imports, its own apart. The bare package holds only the version."""
    names = {name for name in imports(module) if name.startswith("mpcgen.")}
    return {part(name) for name in names} - {part(module), "__version__"}


def is_under(name: str, roots: set[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)


def uses(module: str) -> set[str]:
    """Imported names and dotted expressions, with `np` written out."""
    dotted = {
        ast.unparse(node).replace("np.", "numpy.", 1)
        for node in ast.walk(sources()[module])
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith(("np.", "numpy."))
    }
    return set(imports(module)) | dotted


def test_every_module_has_its_place() -> None:
    placed = {*GROUND, *MAY_IMPORT, *TOP, ""}
    assert {part(module) for module in MODULES} <= placed
    assert {*GROUND, *MAY_IMPORT} <= {part(module) for module in MODULES}


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) in MAY_IMPORT])
def test_dependency_direction(module: str) -> None:
    assert own_imports(module) <= set(MAY_IMPORT[part(module)])


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) in GROUND])
def test_dependency_direction_of_the_ground_floor(module: str) -> None:
    assert own_imports(module) <= set(GROUND_ORDER[part(module)])


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) not in TOP and part(m)])
def test_nothing_imports_what_stands_at_the_top(module: str) -> None:
    assert not own_imports(module) & set(TOP)


def test_a_statistic_imports_no_engine() -> None:
    names = ("clear", "replicated", "replicated4", "aggregated", "paillier", "bfv")
    engines = {f"mpcgen.protocols.{name}" for name in names}
    for module in MODULES:
        if module not in engines | {"mpcgen.protocols.engines"}:
            assert not any(is_under(name, engines) for name in imports(module)), module


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) == "study"])
def test_the_study_names_no_statistic(module: str) -> None:
    statistics = {statistic.__module__ for statistic in STATISTICS.values()}
    assert not [name for name in imports(module) if is_under(name, statistics)]


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_unpickled_and_nothing_optional_is_imported(module: str) -> None:
    banned = EVERYWHERE_BANNED - OPTIONAL.get(module, set())
    assert not [name for name in uses(module) if is_under(name, banned)]


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) != "simulate" and m != INPUTS])
def test_randomness_comes_from_prg(module: str) -> None:
    assert not [name for name in uses(module) if is_under(name, RANDOMNESS)]
    asks = "urandom" in ast.unparse(sources()[module])
    assert asks == (module == "mpcgen.prg")


def test_fixed_seeds_are_made_by_tests_only() -> None:
    for module in MODULES:
        text = ast.unparse(sources()[module])
        if part(module) != "conformance":  # whose channels are those of tests
            assert text.count("for_tests_only") == (module == "mpcgen.prg"), module
        assert "allow_pickle" not in text


@pytest.mark.parametrize("module", [m for m in MODULES if part(m) == "protocols"])
def test_protocols_know_no_sockets_files_clocks_or_environment(module: str) -> None:
    banned = SIDE_EFFECTS - OPTIONAL.get(module, set())
    assert not [name for name in imports(module) if is_under(name, banned)]
    called = {
        node.func.id
        for node in ast.walk(sources()[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input", "exec", "eval", "__import__"}


@pytest.mark.parametrize("module", [m for m in MODULES if not m.endswith("_loops")])
def test_numba_is_for_the_compiler_and_the_loops_only(module: str) -> None:
    assert module == "mpcgen.compiler" or not [n for n in imports(module) if is_under(n, {"numba"})]


@pytest.mark.parametrize("module", [m for m in MODULES if m.endswith("_loops")])
def test_loops_depend_on_nothing_that_their_compiled_code_is_not_named_by(module: str) -> None:
    named = {"typing", "numpy", "numba", "llvmlite", "mpcgen.compiler"}
    assert not [name for name in imports(module) if not is_under(name, named)]


@pytest.mark.parametrize("module", ["mpcgen", "mpcgen.cli"])
def test_start_up_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_party_starts_without_compiler_tables_and_plots() -> None:
    importlib.import_module("mpcgen.genome.kernels")  # compiles what was not compiled yet
    unwanted = {"numba", "scipy", "pandas", "matplotlib", "torch", "msprime", "asyncio"}
    code = "import sys, mpcgen.parties.run, mpcgen.net.zeromq; print(*sys.modules)"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert unwanted & set(done.stdout.split()) == set()
