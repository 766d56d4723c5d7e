"""Kernels that Numba compiles once a machine, loaded as machine code without it.

To import Numba takes half a second: more than all else that a party imports. The code is kept in
$XDG_CACHE_HOME/mpcgen (~/.cache/mpcgen), named by what it was made from and for which processor.
Kernels run without the GIL and are split over threads by their callers: Numba's own thread pool may
be one that dies when two threads enter it, as parties in the threads of one process do.
"""

import ctypes
import hashlib
import importlib
import json
import operator
import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import llvmlite
import llvmlite.binding as llvm
import numpy as np

COMPILER = "mpcgen.compiler"
_DIGEST = hashlib.sha256().digest_size


def cores() -> int:
    """How many processors this process may use; not every system can restrict them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Parameter(NamedTuple):
    """A C-contiguous array, or a whole number, which has no axes (compiler.Parameter)."""

    dtype: np.dtype[Any]
    ndim: int
    written: bool

    def words(self, argument: Any) -> tuple[int, ...]:
        """Return what stands for the argument in the kernel's table."""
        if not self.ndim:
            return (operator.index(argument),)
        flags = argument.flags
        usable = flags.carray if self.written else flags.c_contiguous and flags.aligned
        if not usable or argument.dtype != self.dtype or argument.ndim != self.ndim:
            raise TypeError(f"a kernel needs {self}, not {argument.dtype} {argument.shape}")
        return (argument.__array_interface__["data"][0], *argument.shape)


class _Kernel:
    """A function in loaded machine code; how it is called is written in mpcgen.compiler."""

    def __init__(self, engine: Any, name: str, parameters: list[tuple[str, int, bool]]):
        self._engine = engine  # which owns the code
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.get_function_address(name))
        self._parameters = [_Parameter(np.dtype(p[0]), *p[1:]) for p in parameters]
        self._table = ctypes.c_int64 * sum(p.ndim + 1 for p in self._parameters)

    def __call__(self, *arguments: Any) -> None:
        """Run it, without the GIL.

        Raises:
            TypeError: an array of another type, not contiguous or not to be written.
        """
        given = zip(self._parameters, arguments, strict=True)
        self._run(self._table(*(word for p, argument in given for word in p.words(argument))))


def load(module: str) -> SimpleNamespace:
    """Return the kernels of a module by name, compiled where this machine has no code of them."""
    machine = target_machine()
    path = _folder() / f"{module}-{_made_of(module)}"
    code = _read(path)
    if code is None:
        code = importlib.import_module(COMPILER).compiled(importlib.import_module(module), machine)
        _write(path, code)
    return _linked(code, machine)


def target_machine() -> Any:
    """Return this processor, for LLVM."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(*_processor(), opt=3, jit=True)


def _processor() -> tuple[str, str]:
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _folder() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "mpcgen"


def _made_of(module: str) -> str:
    """Digest of all that the code depends on; a version of llvmlite belongs to one of Numba."""
    digest = hashlib.sha256("\n".join((llvmlite.__version__, *_processor())).encode())
    for name in (module, COMPILER):
        spec = find_spec(name)
        assert spec
        assert spec.origin
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:32]


def _read(path: Path) -> bytes | None:
    """Return what _write has written, None where nothing or something else is there."""
    with suppress(OSError):
        kept = path.read_bytes()
        if hashlib.sha256(kept[_DIGEST:]).digest() == kept[:_DIGEST]:
            return kept[_DIGEST:]
    return None


def _write(path: Path, code: bytes) -> None:
    """Keep the code. Where that cannot be, every start compiles."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_bytes(hashlib.sha256(code).digest() + code)
        draft.replace(path)


def _linked(code: bytes, machine: Any) -> SimpleNamespace:
    """Return the functions of compiler.compiled's code."""
    header, _, objects = code.partition(b"\n")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(objects))
    engine.finalize_object()
    kernels = json.loads(header).items()
    return SimpleNamespace(**{name: _Kernel(engine, name, taken) for name, taken in kernels})
