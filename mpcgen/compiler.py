"""From loops in Python to machine code that needs neither Numba nor Python.

Imported only where a machine has no such code yet. A module of loops has functions of arrays and
whole numbers decorated with `kernel`, which return nothing. They may neither allocate nor raise,
and call nothing but functions decorated with `part` and C's logarithms.

A kernel's machine code takes one pointer, to a table of 64-bit words: address and shape of every
array, and the whole numbers, in the order of the parameters.
"""

import json
from collections.abc import Callable
from itertools import accumulate, count
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import cfunc, from_dtype, int64, njit, types
from numba.core.extending import intrinsic
from numba.np import arrayobj

populate_array: Any = arrayobj.populate_array
CALLED: Final = ("llvm.", "log")  # of C, log and log1p
_TABLE: Final = types.CPointer(int64)  # type: ignore[no-untyped-call]


class Parameter(NamedTuple):
    """A C-contiguous array, or a whole number, which has no axes."""

    dtype: str
    ndim: int
    written: bool


NUMBER: Final = Parameter("int64", 0, written=False)


def reads(dtype: Any, ndim: int) -> Parameter:
    """An array that is only read."""
    return Parameter(np.dtype(dtype).name, ndim, written=False)


def writes(dtype: Any, ndim: int) -> Parameter:
    """An array that is written."""
    return Parameter(np.dtype(dtype).name, ndim, written=True)


def part(*, inline: Literal["never", "always"] = "never") -> Callable[[Callable[..., Any]], Any]:
    """Decorate a function that kernels call, which divides by zero as C does."""
    return njit(error_model="numpy", inline=inline)


class Kernel(NamedTuple):
    """One compiled function."""

    code: Any  # Numba's CFunc
    parameters: tuple[Parameter, ...]


def kernel(*parameters: Parameter) -> Callable[[Callable[..., None]], Kernel]:
    """Compile a function of these parameters, which returns nothing."""

    def made(function: Callable[..., None]) -> Kernel:
        body, arguments = part()(function), _arguments(parameters)

        def entry(table: Any) -> None:
            body(*arguments(table))

        return Kernel(cfunc(types.void(_TABLE), error_model="numpy")(entry), parameters)

    return made


def _arguments(parameters: tuple[Parameter, ...]) -> Any:
    """Return Numba's function that takes a kernel's arguments out of its table."""
    dtypes = [np.dtype(dtype) for dtype, _, _ in parameters]
    kinds = [
        types.Array(from_dtype(dtype), ndim, "C") if ndim else int64
        for dtype, (_, ndim, _) in zip(dtypes, parameters, strict=True)
    ]
    taken = types.Tuple(kinds)  # type: ignore[no-untyped-call]

    def typed(_typing: Any, _table: Any) -> Any:
        return taken(_TABLE), codegen

    def codegen(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        places = count()

        def word() -> Any:
            place = ir.Constant(ir.IntType(64), next(places))
            return builder.load(builder.gep(arguments[0], [place]))

        def argument(kind: Any, itemsize: int) -> Any:
            if kind is int64:
                return word()
            array = context.make_array(kind)(context, builder)
            address, shape = word(), [word() for _ in range(kind.ndim)]
            size = ir.Constant(ir.IntType(64), itemsize)
            strides = list(accumulate(shape[:0:-1], builder.mul, initial=size))[::-1]
            data = builder.inttoptr(address, array.data.type)
            populate_array(array, data, shape, strides, size, meminfo=None)
            return array._getvalue()

        sizes = (dtype.itemsize for dtype in dtypes)
        return context.make_tuple(builder, taken, list(map(argument, kinds, sizes)))

    return intrinsic(typed)


def compiled(module: ModuleType, machine: Any) -> bytes:
    """Return all kernels of a module for LLVM's target machine: a line of JSON and an object file.

    The line has the parameters of every kernel by its name, which is its symbol in the file.

    Raises:
        TypeError: a kernel calls what will not be there.
    """
    kernels = {name: value for name, value in vars(module).items() if isinstance(value, Kernel)}
    whole = llvm.parse_assembly("")
    for name, kernel in kernels.items():
        whole.link_in(_alone(name, kernel.code, machine))
    header = json.dumps({name: kernel.parameters for name, kernel in kernels.items()})
    return header.encode() + b"\n" + bytes(machine.emit_object(whole))


def _alone(name: str, code: Any, machine: Any) -> Any:
    """Return LLVM's module of a kernel as Numba has optimised it, rid of all but the kernel.

    Numba adds the raising of errors that cannot occur. That is seen once nothing else may call the
    function inside, which returns the error.
    """
    module = llvm.parse_assembly(code.inspect_llvm())
    for value in (*module.functions, *module.global_variables):
        if not value.is_declaration and value.name != code.native_name:
            value.linkage = "internal"
    module.get_function(code.native_name).name = name
    passes = llvm.create_new_module_pass_manager()
    passes.add_ipsccp_pass()
    passes.add_simplify_cfg_pass()
    passes.add_global_dead_code_eliminate_pass()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))
    calls = [f.name for f in module.functions if f.is_declaration]
    wrong = [call for call in calls if not call.startswith(CALLED)]
    if wrong:
        raise TypeError(
            f"kernel {name} may neither allocate nor raise, as a range raises whose step is no "
            f"constant; it calls {', '.join(wrong)}"
        )
    return module
