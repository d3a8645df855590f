"""Checkpoints that survive any moment: a new folder each, its checksum manifest written last.

A folder `step-00000120` holds `state.safetensors` and `manifest.json` and becomes visible by a rename after
everything in it is on disk. Reading takes the newest folder whose manifest holds and names the others.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anaglyph.config import fingerprint
from anaglyph.errors import CheckpointError
from anaglyph.io.atomic import new_folder, verify_manifest, write_manifest
from anaglyph.io.state import load_state, save_state

FORMAT = 1
KEEP = 2


@dataclass(frozen=True)
class Found:
    """The newest valid checkpoint and what had to be passed over to reach it."""

    folder: Path
    state: dict[str, Any]
    skipped: tuple[str, ...]


def save_checkpoint(root: Path, *, step: int, identity: Mapping[str, Any], state: Mapping[str, Any]) -> Path:
    """Write one checkpoint under `root`, then drop all older ones but one.

    Raises:
        DataError: the disk is full; everything that was there before still is.
    """
    target = root / f"step-{step:08d}"
    if target.exists():  # a folder of this step that failed verification, or an earlier save of it
        if verify_manifest(target) is None:
            return target
        shutil.rmtree(target)
    with new_folder(target) as folder:
        save_state(
            folder,
            "state",
            {"format": FORMAT, "fingerprint": fingerprint(identity), "identity": dict(identity), **state},
        )
        write_manifest(folder)
    older = [folder for folder in _folders(root) if folder.name < target.name]
    for old in older[: -(KEEP - 1)]:
        shutil.rmtree(old)
    return target


def find_checkpoint(root: Path, *, identity: Mapping[str, Any]) -> Found | None:
    """The newest valid checkpoint of exactly this configuration; None where there is no folder at all.

    Raises:
        CheckpointError: there are checkpoints, but none is intact, or they belong to another config.
    """
    folders = _folders(root)
    skipped: list[str] = []
    for folder in reversed(folders):
        problem = verify_manifest(folder)
        if problem is None:
            state = load_state(folder, "state")
            _check_identity(folder, state, identity)
            return Found(folder, state, tuple(skipped))
        skipped.append(f"{folder.name} is damaged ({problem})")
    if folders:
        raise CheckpointError(
            f"no intact checkpoint in '{root}': {'; '.join(skipped)}. "
            f"Delete that folder to start this stage anew."
        )
    return None


def difference(ours: object, theirs: object, *, where: str = "") -> str | None:
    """The first place where two plain configs differ, as 'place: a here, b there'."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        for key in sorted({*ours, *theirs}, key=str):
            found = difference(ours.get(key), theirs.get(key), where=f"{where}.{key}" if where else str(key))
            if found:
                return found
        return None
    return None if ours == theirs else f"{where}: {ours!r} now, {theirs!r} then"


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(p for p in root.iterdir() if p.is_dir() and p.name.startswith("step-") and p.suffix == "")


def _check_identity(folder: Path, state: Mapping[str, Any], identity: Mapping[str, Any]) -> None:
    if state.get("format") != FORMAT:
        raise CheckpointError(
            f"'{folder}' has checkpoint format {state.get('format')}, this version reads {FORMAT}; "
            f"continue it with the version that wrote it."
        )
    if state["fingerprint"] != fingerprint(identity):
        raise CheckpointError(
            f"'{folder}' belongs to another configuration ({difference(identity, state['identity'])}). "
            f"Use the recipe stored in the run folder, or another output folder."
        )
