"""What a `.pth`, `.pt`, `.t7` or `.th` file is, judged by its bytes before PyTorch reads any of it.

PyTorch writes two forms: a zip archive with `data.pkl` and one stored member per storage, and, before 1.6, a
row of pickles followed by the raw numbers.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from anaglyph.errors import WeightsError
from anaglyph.io.pickle_facts import PickleFacts
from anaglyph.io.pickle_globals import MAX_PICKLE_BYTES, first_value, scan

Kind = Literal["zip", "legacy", "pickle", "torchscript", "safetensors", "npz", "unknown"]
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PICKLES = 5
"""Magic number, protocol, machine, the object, the order of its storages."""
MAX_MEMBERS = 100_000
TITLES: dict[Kind, str] = {
    "zip": "PyTorch checkpoint (zip)",
    "legacy": "PyTorch checkpoint (before 1.6)",
    "pickle": "a Python pickle, not written by torch.save",
    "torchscript": "TorchScript program",
    "safetensors": "safetensors",
    "npz": "NumPy archive",
    "unknown": "not a file of weights that is known here",
}


@dataclass(frozen=True)
class TorchFile:
    """The outcome of `examine`."""

    kind: Kind
    size: int
    """In bytes."""
    fault: str = ""
    """Why PyTorch is not given this file; empty where it may read it."""
    facts: PickleFacts = field(default_factory=PickleFacts)


def examine(path: Path) -> TorchFile:
    """Kind, claims and faults of a file; nothing in it is executed or unpickled.

    Raises:
        WeightsError: the file cannot be opened.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(512)
        if start[:2] == b"PK":
            return _zip(path, size)
        if start[:1] == b"\x80":
            return _row_of_pickles(path, size)
    except OSError as error:
        raise WeightsError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    if len(start) > 8 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") <= size - 8:
        return TorchFile("safetensors", size)
    if start[257:262] == b"ustar":
        return TorchFile("unknown", size, "it is a tar archive; unpack it and import the file inside")
    reason = "it is empty" if size == 0 else f"it starts with {start[:8].hex(' ')}"
    return TorchFile("unknown", size, f"{reason}, which no PyTorch file does")


def _zip(path: Path, size: int) -> TorchFile:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if names and all(name.endswith(".npy") for name in names):
                return TorchFile("npz", size, "it is a NumPy archive")
            if any(name.endswith("/constants.pkl") for name in names):
                return TorchFile("torchscript", size, "a TorchScript program holds code, not only weights")
            programs = [member for member in members if member.filename.endswith("/data.pkl")]
            fault = _archive_fault(members, programs, size)
            if fault:
                return TorchFile("zip" if programs else "unknown", size, fault)
            data = archive.read(programs[0])
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError) as error:
        return TorchFile("unknown", size, f"its zip archive is damaged or cut off ({_first_line(error)})")
    return _judged("zip", data, pickles=1, size=size)


def _archive_fault(members: list[zipfile.ZipInfo], programs: list[zipfile.ZipInfo], size: int) -> str:
    if len(members) > MAX_MEMBERS:
        return f"its archive has {len(members)} members; at most {MAX_MEMBERS} are read"
    if len(programs) != 1:
        return f"its archive has {len(programs)} members named data.pkl instead of one"
    if programs[0].file_size > MAX_PICKLE_BYTES:
        return f"its data.pkl has {programs[0].file_size} bytes; at most {MAX_PICKLE_BYTES} are read"
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        return "its archive is compressed, which torch.save never does"
    claimed = sum(member.file_size for member in members)
    if claimed > size:
        return f"its archive claims {claimed} bytes in a file of {size}"
    return ""


def _row_of_pickles(path: Path, size: int) -> TorchFile:
    with path.open("rb") as file:
        data = file.read(MAX_PICKLE_BYTES)
    if first_value(data[:64]) == LEGACY_MAGIC:
        return _judged("legacy", data, pickles=LEGACY_PICKLES, size=size)
    judged = _judged("pickle", data, pickles=1, size=size)
    fault = judged.fault or "torch.save did not write it"
    return TorchFile("pickle" if judged.facts.protocol else "unknown", size, fault, judged.facts)


def _judged(kind: Kind, data: bytes, *, pickles: int, size: int) -> TorchFile:
    try:
        facts = scan(data, pickles=pickles)
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        return TorchFile(kind, size, f"its pickle is damaged or cut off ({_first_line(error)})")
    claimed = sum(facts.storage_bytes.values())
    fault = ""
    if facts.refused:
        more = " and more" if len(facts.refused) > 5 else ""
        verb = "are" if len(facts.refused) > 1 else "is"
        names = ", ".join(facts.refused[:5])
        fault = f"it asks for {names}{more}, which {verb} not on the list of harmless types"
    elif facts.excess or facts.odd_calls:
        fault = f"its pickle {facts.excess or 'calls something that is no name'}, which no weights need"
    elif facts.protocol != 2:
        fault = (
            f"its pickle has protocol {facts.protocol}, and PyTorch's weights-only reader knows protocol 2 "
            f"alone, which torch.save writes unless told otherwise"
        )
    elif facts.odd_storages:
        fault = "it names its numbers in a form that torch.save does not write"
    elif claimed > size:
        fault = f"it claims {claimed} bytes of numbers in a file of {size}"
    return TorchFile(kind, size, fault, facts)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
