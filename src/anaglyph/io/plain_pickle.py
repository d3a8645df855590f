"""Pickles of plain values, read without unpickling: numbers, text, None, lists, tuples and dictionaries.

Annotations are still published as pickles, often Python 2's. A pickle is a program for a stack machine; this
is such a machine that can only make plain values. It has no way to import, call or look anything up, so a
file that asks for that is refused by name and nothing happens. What it makes is a tree: a container held in
two places, which is how a few hundred bytes come to mean a terabyte, is refused too.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from anaglyph.errors import DataError
from anaglyph.io.pickle_globals import MAX_OPCODES, MAX_PICKLE_BYTES
from anaglyph.io.pickle_values import MAX_DEPTH, ExcessError, Work, size_of

_NEXT = "Get the file from its publisher again; what needs more than plain values is not read here."
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_SCALARS = frozenset(
    ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING",
     "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8")
)  # fmt: skip
_PUT = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_GET = frozenset(("GET", "BINGET", "LONG_BINGET"))
_SHORT_TUPLE = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_IMPORTS = frozenset(("GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID"))


def read_plain_pickle(path: Path) -> Any:
    """The value in a pickle file of plain values, of any protocol; text of Python 2 is read as Latin-1.

    Raises:
        DataError: absent, no pickle, damaged, larger than 64 MiB or 2 million steps, nested more than 8 deep,
            or anything but plain values; nothing in the file is executed.
    """
    try:
        size = path.stat().st_size
        if size > MAX_PICKLE_BYTES:
            raise DataError(
                f"'{path}' has {size} bytes; a pickle of plain values has at most {MAX_PICKLE_BYTES}."
            )
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # what text of damaged escapes raises
            return plain_value(data)
    except ExcessError as error:
        raise DataError(f"the pickle '{path}' {error}. {_NEXT}") from error
    except (ValueError, KeyError, IndexError, OverflowError, TypeError, DeprecationWarning) as error:
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise DataError(f"'{path}' is no pickle, or a damaged one ({reason}). {_NEXT}") from error


def plain_value(data: bytes) -> Any:
    """The value in the pickle `data`.

    Raises:
        ExcessError: it asks for more than plain values, or for too much of them.
        ValueError: it is no pickle, or a damaged one; other errors of values may come from damaged ones, too.
    """
    return run(PlainMachine(), BytesIO(data))


def run(machine: PlainMachine, stream: IO[bytes]) -> Any:
    """The value that a machine makes of the pickle in a stream; errors as of `plain_value`."""
    for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if step >= MAX_OPCODES:
            raise ExcessError(f"has more than {MAX_OPCODES} steps")
        machine.step(opcode.name, argument)
    return machine.result()


class Item:
    """A value on the stack with the number of containers within one another that it has."""

    __slots__ = ("depth", "value")

    def __init__(self, value: Any, depth: int = 0) -> None:
        self.value, self.depth = value, depth

    def hold(self, items: list[Item]) -> None:
        """It contains `items` now."""
        self.depth = max([self.depth, *(item.depth + 1 for item in items)])
        if self.depth > MAX_DEPTH:
            raise ExcessError(f"nests its values more than {MAX_DEPTH} deep")


class PlainMachine:
    """The pickle machine without anything that makes more than plain values."""

    def __init__(self) -> None:
        self.stack: list[Item] = []
        self.marks: list[int] = []
        self.memo: dict[int, Item] = {}
        self.work = Work()
        self.special: dict[str, Callable[[], None]] = {
            "PROTO": lambda: None,
            "FRAME": lambda: None,
            "STOP": lambda: None,
            "MARK": lambda: self.marks.append(len(self.stack)),
            "EMPTY_LIST": lambda: self._push_container([]),
            "EMPTY_DICT": lambda: self._push_container({}),
            "LIST": lambda: self._fill_list(Item([], 1), self._pop_to_mark()),
            "DICT": lambda: self._fill_dict(Item({}, 1), self._pop_to_mark()),
            "TUPLE": lambda: self._push_tuple(self._pop_to_mark()),
            "APPEND": lambda: self._append([self.pop()]),
            "APPENDS": lambda: self._append(self._pop_to_mark()),
            "SETITEM": lambda: self._set_items([self.pop(), self.pop()][::-1]),
            "SETITEMS": lambda: self._set_items(self._pop_to_mark()),
            "MEMOIZE": lambda: self._put(len(self.memo)),
        }

    def step(self, name: str, argument: Any) -> None:
        """Do one opcode."""
        if name in _SCALARS:
            self.stack.append(Item(argument))
        elif name in _CONSTANTS:
            self.stack.append(Item(_CONSTANTS[name]))
        elif name in _PUT:
            self._put(int(argument))
        elif name in _GET:
            self._get(int(argument))
        elif name in _SHORT_TUPLE:
            self._push_tuple([self.pop() for _ in range(_SHORT_TUPLE[name])][::-1])
        elif name in self.special:
            self.special[name]()
        elif name in _IMPORTS:
            asked = "something" if argument is None else ascii(str(argument).replace(" ", "."))[:80]
            raise ExcessError(f"asks to import {asked}")
        else:
            raise ExcessError(f"has a step {name}, which plain values do not need")

    def result(self) -> Any:
        """What the program leaves."""
        if len(self.stack) != 1 or self.marks:
            raise ValueError("it does not leave one value")
        return self.stack[0].value

    def _push_container(self, value: Any) -> None:
        self.stack.append(Item(value, 1))

    def _push_tuple(self, items: list[Item]) -> None:
        made = Item(tuple(item.value for item in items), 1)
        made.hold(items)
        self.stack.append(made)

    def _fill_list(self, target: Item, items: list[Item]) -> None:
        self.stack.append(target)
        self._append(items)

    def _fill_dict(self, target: Item, items: list[Item]) -> None:
        self.stack.append(target)
        self._set_items(items)

    def _append(self, items: list[Item]) -> None:
        target = self.top()
        if not isinstance(target.value, list):
            raise TypeError("it appends to what is no list")
        target.value.extend(item.value for item in items)
        target.hold(items)

    def _set_items(self, items: list[Item]) -> None:
        target = self.top()
        if not isinstance(target.value, dict):
            raise TypeError("it sets items of what is no dictionary")
        for key, item in zip(items[::2], items[1::2], strict=True):
            if not isinstance(key.value, str | int):
                kind = type(key.value).__name__
                raise ExcessError(f"has a key of type {kind}; keys are text or whole numbers")
            target.value[key.value] = item.value
        target.hold(items[1::2])

    def _put(self, place: int) -> None:
        self.memo[place] = self.top()

    def _get(self, place: int) -> None:
        kept = self.memo[place]
        if kept.depth:
            raise ExcessError("holds one container in two places")
        self.work.spend(size_of(kept.value))  # text in many places is copied when it is written elsewhere
        self.stack.append(kept)

    def pop(self) -> Item:
        """The last item."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("it takes more from its stack than it put there")
        return self.stack.pop()

    def top(self) -> Item:
        """The last item, which stays."""
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("it takes more from its stack than it put there")
        return self.stack[-1]

    def _pop_to_mark(self) -> list[Item]:
        if not self.marks:
            raise ValueError("it has no mark to go back to")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items
