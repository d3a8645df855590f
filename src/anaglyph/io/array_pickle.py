"""Pickles of plain values and NumPy arrays, and npy files that hold such pickles, read without unpickling.

OpenShape's records are dictionaries of arrays, saved with `np.save`, so that `allow_pickle` would be needed
and would run whatever the file says. The machine of `plain_pickle` is given what NumPy writes for an array
and nothing else; it makes arrays of plain numbers, or lists where an array held objects.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from anaglyph.errors import DataError
from anaglyph.io.arrays import npy_header
from anaglyph.io.pickle_globals import MAX_PICKLE_BYTES
from anaglyph.io.pickle_values import ExcessError
from anaglyph.io.plain_pickle import Item, PlainMachine, run

_CORES = ("numpy.core", "numpy._core")
_NAMES = {
    **{f"{core}.multiarray._reconstruct": "array" for core in _CORES},
    **{f"{core}.multiarray.scalar": "scalar" for core in _CORES},
    **{f"{core}.numeric._frombuffer": "buffer" for core in _CORES},
    "numpy.ndarray": "ndarray",
    "numpy.dtype": "dtype",
    "_codecs.encode": "encode",
    "__builtin__.bytes": "bytes",
}
_CODES = ("f2", "f4", "f8", "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
_BYTES = frozenset(("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"))
_MAX_AXES = 8
_NEXT = (
    "Get the file from its publisher again; what needs more than plain values and arrays is not read here."
)


def read_array_pickle(path: Path, *, most: int = MAX_PICKLE_BYTES) -> Any:
    """The value in a pickle or an npy file: plain values, arrays of numbers, and lists for arrays of objects.

    Raises:
        DataError: absent, damaged, larger than `most` bytes, or anything else in it; nothing is executed.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if size > most:
                raise DataError(f"'{path}' has {size} bytes; at most {most} are read.")
            return _read(file, size)
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    except ExcessError as error:
        raise DataError(f"the pickle '{path}' {error}. {_NEXT}") from error
    except (ValueError, KeyError, IndexError, OverflowError, TypeError, DeprecationWarning) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise DataError(f"'{path}' is no such file, or a damaged one ({reason}). {_NEXT}") from error


def _read(file: IO[bytes], size: int) -> Any:
    if file.read(6) == npy.MAGIC_PREFIX:
        file.seek(0)
        shape, by_columns, kind = npy_header(file)
        if not kind.hasobject:
            return _numbers(file, shape, by_columns, kind, size)
    else:
        file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # what text of damaged escapes raises
        return run(_ArrayMachine(), _Bounded(file, size))  # type: ignore[arg-type]


def _numbers(
    file: IO[bytes], shape: tuple[int, ...], by_columns: bool, kind: np.dtype[Any], size: int
) -> Any:
    needed = math.prod(shape) * kind.itemsize
    if kind.kind not in "fiub" or min(shape, default=0) < 0 or needed > size:
        raise ValueError(f"its header announces {kind} of shape {shape}")
    data = file.read(needed)
    return np.frombuffer(data, dtype=kind).reshape(shape, order="F" if by_columns else "C")


class _Bounded:
    """A file of which no more is asked for than it has: a size that lies would be allocated first."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.size = file, size
        self.readline, self.tell = file.readline, file.tell

    def read(self, count: int) -> bytes:
        return self.file.read(min(count, self.size - self.file.tell()))


@dataclass
class _Name:
    """Something that a pickle names and this machine knows."""

    kind: str


class _Unfilled:
    """An array between its making and its state."""


@dataclass
class _Type:
    """A type of numbers; `code` is "O" for objects."""

    code: str
    order: str = "<"

    def numpy(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.code)


class _ArrayMachine(PlainMachine):
    """The pickle machine of plain values, with arrays."""

    def __init__(self) -> None:
        super().__init__()
        self.special |= {"STACK_GLOBAL": self._stack_global, "REDUCE": self._call, "BUILD": self._build}

    def step(self, name: str, argument: Any) -> None:
        """Do one opcode."""
        if name in _BYTES:
            self.stack.append(Item(bytes(argument)))
        elif name == "GLOBAL":
            self._import(str(argument).replace(" ", "."))
        else:
            super().step(name, argument)

    def result(self) -> Any:
        """What the program leaves."""
        value = super().result()
        if isinstance(value, _Name | _Unfilled | _Type):
            raise TypeError("it ends with an array that has no content")
        return value

    def _stack_global(self) -> None:
        name, module = self.pop().value, self.pop().value
        self._import(f"{module}.{name}")

    def _import(self, path: str) -> None:
        if path not in _NAMES:
            raise ExcessError(f"asks to import {ascii(path)[:80]}")
        self.stack.append(Item(_Name(_NAMES[path])))

    def _call(self) -> None:
        arguments, function = self.pop().value, self.pop().value
        if not isinstance(function, _Name) or not isinstance(arguments, tuple):
            raise ExcessError("calls something that is no name")
        made = _CALLS.get(function.kind)
        if made is None:
            raise ExcessError(f"calls {function.kind}, which arrays do not need")
        self.stack.append(Item(made(*arguments)))

    def _build(self) -> None:
        state, item = self.pop(), self.top()
        if isinstance(item.value, _Type):
            item.value.order = _order(state.value)
        elif isinstance(item.value, _Unfilled):
            item.value, holds = _filled(*state.value)
            if holds:  # objects lie one container below the state's list, in a list of their own
                item.hold([state])
        else:
            raise ExcessError("gives a state to what is no array")


def _filled(version: Any, shape: Any, kind: Any, by_columns: Any, content: Any) -> tuple[Any, bool]:
    """The array of a state, and whether it holds objects: then it is a list, or the one object itself."""
    if not isinstance(kind, _Type) or not _is_shape(shape):
        raise TypeError("an array's state is damaged")
    if kind.code != "O":
        if isinstance(content, str):
            content = content.encode("latin-1")  # as Python 2 wrote bytes
        return _of_bytes(content, kind, shape, by_columns), False
    if not isinstance(content, list) or len(shape) > 1 or len(content) != math.prod(shape):
        raise TypeError(f"an array of objects has shape {shape}; one axis at most is read")
    return (content if shape else content[0]), True


def _of_bytes(content: Any, kind: Any, shape: Any, by_columns: Any) -> np.ndarray[Any, Any]:
    if (
        not isinstance(content, bytes)
        or not isinstance(kind, _Type)
        or kind.code == "O"
        or not _is_shape(shape)
    ):
        raise TypeError("an array's content is damaged")
    if math.prod(shape) * kind.numpy().itemsize != len(content):
        raise ValueError(f"an array of shape {shape} has {len(content)} bytes")
    order = "F" if by_columns is True or by_columns == "F" else "C"
    return np.frombuffer(content, dtype=kind.numpy()).reshape(shape, order=order)  # type: ignore[call-overload,no-any-return]


def _is_shape(shape: Any) -> bool:
    whole = isinstance(shape, tuple) and len(shape) <= _MAX_AXES
    return whole and all(type(length) is int and 0 <= length < 1 << 40 for length in shape)


def _array(kind: Any, shape: Any, code: Any) -> _Unfilled:
    return _Unfilled()


def _dtype(code: Any, align: Any = False, copy: Any = True) -> _Type:
    if code not in _CODES and code != "O8":
        raise ExcessError(f"holds numbers of type {ascii(code)[:40]}")
    return _Type(code.removesuffix("8") if code == "O8" else code)


def _scalar(kind: Any, content: Any) -> Any:
    value = _of_bytes(content.encode("latin-1") if isinstance(content, str) else content, kind, (1,), False)
    return value[0].item()


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise TypeError("bytes are encoded in an unknown way")
    return text.encode("latin-1")


def _bytes() -> bytes:
    """How old protocols write no bytes."""
    return b""


def _order(state: Any) -> str:
    if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
        raise TypeError("a NumPy type must state its byte order")
    return ">" if state[1] == ">" else "<"


_CALLS: dict[str, Callable[..., Any]] = {
    "array": _array,
    "buffer": _of_bytes,
    "scalar": _scalar,
    "dtype": _dtype,
    "encode": _encode,
    "bytes": _bytes,
}
