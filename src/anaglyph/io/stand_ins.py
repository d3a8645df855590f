"""Inert classes that the weights-only unpickler builds in place of argparse's and NumPy's.

Published checkpoints hold their command line (`argparse.Namespace`) and accuracies as NumPy scalars.
PyTorch's weights-only unpickler accepts a class by its dotted name; these carry those names, so that neither
argparse nor a line of NumPy's C code ever sees what a file says.
"""

from __future__ import annotations

import re
import struct
from typing import Any

_FORMATS = {
    "f2": "e", "f4": "f", "f8": "d", "b1": "?",
    "i1": "b", "i2": "h", "i4": "i", "i8": "q", "u1": "B", "u2": "H", "u4": "I", "u8": "Q",
}  # fmt: skip


class Namespace:
    """The arguments a program ran with: attributes, nothing else."""

    __module__ = "argparse"
    __qualname__ = "Namespace"

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
            raise TypeError("an argument list must be a mapping of names")
        self.__dict__.update(state)


class DType:
    """A NumPy type of plain numbers or text, by its code and byte order."""

    __module__ = "numpy"
    __qualname__ = "dtype"

    def __init__(self, code: object, align: object = False, copy: object = True) -> None:
        if not isinstance(code, str) or not (code in _FORMATS or re.fullmatch(r"U\d{1,7}", code)):
            shown = code[:40] if isinstance(code, str) else type(code).__name__
            raise TypeError(f"NumPy type {shown!r} is neither a plain number nor text")
        self.format = _FORMATS.get(code, "")
        """Empty for text."""
        self.order = "<"

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise TypeError("a NumPy type must state its byte order")
        self.order = ">" if state[1] == ">" else "<"


class Scalar:
    """`numpy.core.multiarray.scalar`: calling it gives the Python number at once."""

    __module__ = "numpy.core.multiarray"
    __qualname__ = "scalar"

    def __new__(cls, kind: object, raw: object) -> Any:
        """The number or text of NumPy type `kind` in the bytes `raw`."""
        if not isinstance(kind, DType) or not isinstance(raw, bytes):
            raise TypeError("a NumPy scalar must be a plain number or text")
        if not kind.format:
            return raw.decode("utf-32-be" if kind.order == ">" else "utf-32-le").rstrip("\0")
        (value,) = struct.unpack(kind.order + kind.format, raw)
        return value


class NewerScalar(Scalar):
    """The same under the name that NumPy 2 writes."""

    __module__ = "numpy._core.multiarray"
    __qualname__ = "scalar"


class DefaultDict:
    """`collections.defaultdict`: calling it gives a plain dictionary."""

    __module__ = "collections"
    __qualname__ = "defaultdict"

    def __new__(cls, factory: object = None) -> Any:
        """An empty dictionary, which the pickle fills."""
        if factory is not None and not (isinstance(factory, type) and issubclass(factory, Factory)):
            raise TypeError("a defaultdict must make plain values")
        return {}


class Factory:
    """A built-in type that a defaultdict names; it makes nothing here."""

    def __new__(cls, *arguments: object) -> Factory:
        """Refused."""
        raise TypeError(f"{cls.__qualname__} is only known as what a defaultdict makes")


FACTORIES = ("list", "dict", "int", "float", "str")
_PLAIN_TYPES = tuple(
    type(name, (Factory,), {"__module__": "builtins", "__qualname__": name}) for name in FACTORIES
)
STAND_INS = (Namespace, DType, Scalar, NewerScalar, DefaultDict, *_PLAIN_TYPES)
"""For `torch.serialization.safe_globals`."""
