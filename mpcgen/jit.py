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
import stat
import sys
import tempfile
from contextlib import suppress
from functools import cache
from importlib.metadata import version
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
    folder, name = _folder(), f"{module}-{_made_of(module)}"
    code = _read(folder / name) if folder else None
    if code is None:
        _tell_compiling()
        code = importlib.import_module(COMPILER).compiled(importlib.import_module(module), machine)
        if not folder or not _write(folder / name, code):
            _tell_not_kept()
    return _linked(code, machine)


def target_machine() -> Any:
    """Return this processor, for LLVM."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(*_processor(), opt=3, jit=True)


def _processor() -> tuple[str, str]:
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _folder() -> Path | None:
    """Return where code is kept: a relative XDG_CACHE_HOME is void; None where no home is known."""
    caches = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if caches.is_absolute():
        return caches / "mpcgen"
    with suppress(RuntimeError):
        return Path.home() / ".cache" / "mpcgen"
    return None


def _made_of(module: str) -> str:
    """Digest of what the code is made from, by and for: loops, compiler, versions, processor."""
    made_by = (version("numba"), llvmlite.__version__)
    digest = hashlib.sha256("\n".join((*made_by, *_processor())).encode())
    for name in (module, COMPILER):
        spec = find_spec(name)
        assert spec
        assert spec.origin
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:32]


def _read(path: Path) -> bytes | None:
    """Return what _write has written, None where nothing or something else is there.

    It will be run: a link, or a file that another user owns or may write, is not read.
    """
    with suppress(OSError), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
        found = os.fstat(file.fileno())
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return None
        kept = file.read()
        if hashlib.sha256(kept[_DIGEST:]).digest() == kept[:_DIGEST]:
            return kept[_DIGEST:]
    return None


def _write(path: Path, code: bytes) -> bool:
    """Keep the code, for this user only; returns whether that could be."""
    draft = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent)
        draft = Path(name)
        with os.fdopen(number, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        draft.replace(path)
    except OSError:
        if draft:
            with suppress(OSError):
                draft.unlink()
        return False
    return True


@cache
def _tell_compiling() -> None:
    """Say once a process, to somebody who watches, why nothing else happens for some seconds."""
    if sys.stderr is not None and sys.stderr.isatty():
        print("mpcgen: compiling its kernels for this machine, once", file=sys.stderr)


@cache
def _tell_not_kept() -> None:
    """Say once a process why it starts slowly."""
    print(
        "mpcgen: compiled code cannot be kept, so every start takes some seconds; "
        "XDG_CACHE_HOME can name a folder for it",
        file=sys.stderr,
    )


def _linked(code: bytes, machine: Any) -> SimpleNamespace:
    """Return the functions of compiler.compiled's code."""
    header, _, objects = code.partition(b"\n")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(objects))
    engine.finalize_object()
    kernels = json.loads(header).items()
    return SimpleNamespace(**{name: _Kernel(engine, name, taken) for name, taken in kernels})
