"""One model file -> `Mesh`, in this process. Only the sandboxed child calls this on a file from others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from anaglyph.errors import DataError, MeshError
from anaglyph.geometry.mesh import Mesh
from anaglyph.geometry.mesh_assembly import assemble
from anaglyph.geometry.mesh_files import Folder, read_regular_file
from anaglyph.geometry.mesh_limits import MeshLimits
from anaglyph.geometry.mesh_parts import MalformedError, Parsed, TooLargeError


def read_mesh(
    path: Path,
    *,
    root: Path,
    up: Literal["auto", "y", "z"],
    limits: MeshLimits,
    suffix: str = "",
    beside: Path | None = None,
) -> Mesh:
    """Read a model whose path is resolved already; every failure becomes a MeshError here.

    Where the user gave a link, `suffix` and `beside` are its suffix and folder.

    Raises:
        MeshError: whatever is wrong with the file.
    """
    suffix = suffix or path.suffix.lower()
    try:
        mesh = _read(path, suffix, beside, root, limits)
    except MeshError:
        raise
    except MemoryError as error:
        reason = f"reading it takes more than {limits.memory_bytes} bytes of memory"
        raise MeshError(path, reason, fault="memory") from error
    except RecursionError as error:
        raise MeshError(path, "it is nested too deeply") from error
    except TooLargeError as error:
        raise MeshError(path, str(error), fault="too_large") from error
    except (MalformedError, DataError) as error:
        raise MeshError(path, str(error)) from error
    except Exception as error:  # the one place where the parsers' many exceptions become one
        raise MeshError(path, f"it cannot be read as {suffix[1:]} ({_words(error)})") from error
    return mesh if up == "auto" else replace(mesh, up=up)


def _read(path: Path, suffix: str, beside: Path | None, root: Path, limits: MeshLimits) -> Mesh:
    try:
        data = read_regular_file(path, most=limits.file_bytes, root=root)
    except (OSError, ValueError) as error:
        raise MeshError(path, str(error)) from error
    folder = Folder(path, root, limits, beside=beside, used=len(data))
    parsed = _parse(data, suffix, folder)
    parsed.notes[:0] = folder.notes
    return assemble(parsed, path, limits)


def _parse(data: bytes, suffix: str, folder: Folder) -> Parsed:
    return readers()[suffix](data, folder)


def readers() -> dict[str, Callable[[bytes, Folder], Parsed]]:
    """The reader of each format; libraries that only one of them needs are imported when it is used."""
    from anaglyph.geometry.formats import dae, fbx, gltf, obj, off, ply, stl, three_mf

    return {
        ".obj": obj.read_obj,
        ".ply": ply.read_ply,
        ".stl": stl.read_stl,
        ".off": off.read_off,
        ".gltf": partial(gltf.read_gltf, binary=False),
        ".glb": partial(gltf.read_gltf, binary=True),
        ".3mf": three_mf.read_3mf,
        ".dae": dae.read_dae,
        ".fbx": fbx.read_fbx,
    }


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return text[:200]
