"""What a pickle asks for, found by reading its opcodes: nothing is ever unpickled here.

A pickle is a program for a small stack machine; running it calls whatever it names. This module walks the
program with every value replaced by a placeholder, except strings, numbers and tuples of them, so that the
names it would import, the storages it claims and the work it would make are known before anything happens.
"""

from __future__ import annotations

import _compat_pickle
import pickletools
from collections.abc import Callable
from io import BytesIO
from typing import Any

from anaglyph.io.pickle_facts import STORAGE_BYTES, UNCLEAR, PickleFacts
from anaglyph.io.pickle_values import ExcessError, Name, Nested, Opaque, Work, nested, size_of

MAX_PICKLE_BYTES = 64 << 20
MAX_OPCODES = 2_000_000


def scan(data: bytes, *, pickles: int = 1) -> PickleFacts:
    """Walk the first `pickles` pickles in `data`; ValueError where it is no pickle."""
    stream = BytesIO(data)
    facts = PickleFacts()
    left = MAX_OPCODES
    work = Work()
    try:
        for _ in range(pickles):
            machine = _Machine(facts, work)
            for opcode, argument, _ in pickletools.genops(stream):
                left -= 1
                if left < 0:
                    raise ExcessError(f"has more than {MAX_OPCODES} steps")
                machine.step(opcode, argument)
    except ExcessError as error:
        facts.excess = str(error)
    return facts


def first_value(data: bytes) -> object:
    """The number or string a one-value pickle holds, None for anything else; for magic numbers."""
    values = []
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name not in ("PROTO", "FRAME", "STOP"):
                values.append(argument)
    except ValueError:
        return None
    return values[0] if len(values) == 1 else None


_TEXT = {"BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"}
_NUMBER = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"}
_PUT = {"PUT", "BINPUT", "LONG_BINPUT"}
_GET = {"GET", "BINGET", "LONG_BINGET"}
_SHORT_TUPLE = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_EXTENSION = {"EXT1", "EXT2", "EXT4"}


class _Machine:
    """The pickle machine with placeholders; `facts` collects what it would have done."""

    def __init__(self, facts: PickleFacts, work: Work) -> None:
        self.facts = facts
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self.work = work
        self.special: dict[str, Callable[[Any], None]] = {
            "PROTO": self._protocol,
            "GLOBAL": lambda path: self.stack.append(self._named(*_split(path))),
            "INST": self._instance,
            "STACK_GLOBAL": self._stack_global,
            "BINPERSID": lambda _: self._storage(self._pop()),
            "PERSID": self._storage,
            "MARK": lambda _: self.marks.append(len(self.stack)),
            "TUPLE": lambda _: self.stack.append(nested(self._pop_to_mark())),
            "MEMOIZE": lambda _: self.memo.update({len(self.memo): self._top()}),
            "DUP": lambda _: self.stack.append(self._top()),
            "REDUCE": self._call,
            "NEWOBJ": self._call,
            "BUILD": self._build,
            "APPEND": lambda _: self._grow([self._pop()]),
            "APPENDS": lambda _: self._grow(self._pop_to_mark()),
            "SETITEM": lambda _: self._set_items([self._pop(), self._pop()][::-1]),
            "SETITEMS": lambda _: self._set_items(self._pop_to_mark()),
        }

    def step(self, opcode: pickletools.OpcodeInfo, argument: Any) -> None:
        """Do one opcode to the placeholders."""
        name = opcode.name
        if name in self.special:
            self.special[name](argument)
        elif name in _TEXT or name in _NUMBER:
            self.stack.append(argument)
        elif name in _PUT:
            self.memo[int(argument)] = self._top()
        elif name in _GET:
            self.stack.append(self.memo.get(int(argument), Opaque()))
        elif name in _SHORT_TUPLE:
            items = [self._pop() for _ in range(_SHORT_TUPLE[name])]
            self.stack.append(nested(items[::-1]))
        elif name in _EXTENSION:
            self.stack.append(self._named("extension registry", str(argument)))
        else:
            self._generic(opcode)

    def _generic(self, opcode: pickletools.OpcodeInfo) -> None:
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            self._pop_to_mark()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self._pop()
        self.stack += [Opaque() for _ in opcode.stack_after]

    def _protocol(self, number: int) -> None:
        self.facts.protocol = max(self.facts.protocol, number)

    def _named(self, module: str, name: str) -> Name:
        # Protocol 2 writes Python 2's names; the unpickler translates them, so the list must show the result.
        module, name = _compat_pickle.NAME_MAPPING.get(
            (module, name), (_compat_pickle.IMPORT_MAPPING.get(module, module), name)
        )
        path = f"{module}.{name}"
        if not path.isprintable() or len(path) > 200:
            path = ascii(path)[:200]  # it will be shown
        if path not in self.facts.globals:
            self.facts.globals.append(path)
        return Name(path)

    def _instance(self, path: str) -> None:
        self._named(*_split(path))
        self._pop_to_mark()
        self.stack.append(Opaque())

    def _call(self, _: Any) -> None:
        arguments, function = self._pop(), self._pop()
        if not isinstance(function, Name):
            self.facts.odd_calls = True
        cost = sum(map(size_of, arguments)) if isinstance(arguments, Nested) else size_of(arguments)
        self.work.spend(cost)
        self.stack.append(Opaque(1 + cost))

    def _build(self, _: Any) -> None:
        state = self._pop()
        self.work.spend(size_of(state))
        self._grow([state])

    def _grow(self, items: list[Any]) -> None:
        target = self._top()
        if isinstance(target, Opaque):
            target.grow(sum(map(size_of, items)))

    def _set_items(self, items: list[Any]) -> None:
        for key in items[::2]:
            self.work.spend_key(key)
        self._grow(items)

    def _stack_global(self, _: Any) -> None:
        name, module = self._pop(), self._pop()
        if isinstance(name, str) and isinstance(module, str):
            self.stack.append(self._named(module, name))
            return
        if UNCLEAR not in self.facts.globals:
            self.facts.globals.append(UNCLEAR)
        self.stack.append(Opaque())

    def _storage(self, identity: Any) -> None:
        """('storage', type, key, location, elements[, view]) as torch.save writes it."""
        self.stack.append(Opaque())
        well_formed = (
            isinstance(identity, tuple)
            and len(identity) in (5, 6)
            and identity[0] == "storage"
            and isinstance(identity[1], Name)
            and isinstance(identity[2], str)
            and isinstance(identity[3], str)
            and type(identity[4]) is int
            and identity[4] >= 0
        )
        self.work.spend_key(identity)
        size = STORAGE_BYTES.get(identity[1].path) if well_formed else None
        if size is None:
            self.facts.odd_storages = True
            return
        claimed = max(self.facts.storage_bytes.get(identity[2], 0), size * identity[4])
        self.facts.storage_bytes[identity[2]] = claimed

    def _pop(self) -> Any:
        if len(self.stack) <= (self.marks[-1] if self.marks else 0):
            raise ValueError("the pickle takes more from its stack than it put there")
        return self.stack.pop()

    def _top(self) -> Any:
        if not self.stack:
            raise ValueError("the pickle takes more from its stack than it put there")
        return self.stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        if not self.marks:
            raise ValueError("the pickle has no mark to go back to")
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items


def _split(path: str) -> tuple[str, str]:
    """`pickletools` joins module and name with a blank."""
    module, _, name = path.rpartition(" ")
    return module, name
