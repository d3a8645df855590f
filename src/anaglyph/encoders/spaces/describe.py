"""What `mini` or a slim file is, told before its numbers are read: `anaglyph models show`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anaglyph.config import plain
from anaglyph.encoders.spaces.open import MINI, space_file
from anaglyph.encoders.spaces.trained import KIND, check_space_file, describe_header
from anaglyph.errors import WeightsError
from anaglyph.io.atomic import sha256
from anaglyph.io.weights import read_header


def is_slim(file: Path) -> bool:
    """Whether a path is `mini` or a file of `anaglyph models export`."""
    if str(file) == MINI:
        return True
    try:
        return file.is_file() and read_header(file).get("kind") == KIND
    except WeightsError:
        return False


def describe_space(file: Path) -> dict[str, Any]:
    """Facts as plain data; towers are named, not opened.

    Raises:
        WeightsError: there is no such file, or a header that cannot be meant.
    """
    path, name = space_file(file)
    header = read_header(path)
    described = describe_header(header, what=f"'{path}'")
    facts: dict[str, Any] = {
        "file": str(path),
        "kind": f"space '{name}'",
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "readable": True,
        "method": header["stage"]["method"],
        "licence": header.get("licence", "not stated"),
        "encoder": described.encoder,
        "options": plain(described.options),
        "dim": described.layout.embed_dim,
        "reads": sorted({"shape", *described.towers}),
        "fuses": described.layout.fusion_head is not None,
        "clouds": plain(described.clouds),
        "towers": plain(described.towers),
        "tower_fingerprints": plain(header.get("tower_fingerprints", {})),
        "trained_on": str((header.get("data") or {}).get("name", "not stated")),
        "leaks": plain(header.get("leaks", [])),
        "header": {
            key: header[key] for key in ("anaglyph", "fingerprint", "default_inputs") if key in header
        },
    }
    try:
        facts["parameters"] = check_space_file(path)
    except WeightsError as error:
        return {**facts, "loads": False, "fault": str(error)}
    return {**facts, "loads": True}
