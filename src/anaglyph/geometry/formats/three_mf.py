"""3MF through trimesh's reader, after every member of the container has been looked at."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from anaglyph.geometry.formats.xml_gate import NUMBERS_CUT_SHORT, check_xml
from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import TOO_LARGE, MalformedError, Parsed, Part, placed
from anaglyph.io.archive import read_archive

_XML_MEMBERS = (".model", ".rels", ".xml")


def read_3mf(data: bytes, folder: Folder) -> Parsed:
    """The build of a 3MF container, z up, in its own unit; its colours and materials are not read."""
    members = read_archive(data, folder.limits.archive, what="it")
    if not any("3d/3dmodel.model" in name.lower() for name in members):
        raise MalformedError("it holds no 3D/3dmodel.model, as a 3MF container does")
    for name, content in members.items():
        if name.lower().endswith(_XML_MEMBERS) or content.lstrip()[:1] == b"<":
            check_xml(content, f"its member '{name[:60]}'")
    from trimesh.exchange.threemf import load_3MF

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=NUMBERS_CUT_SHORT)
        found: Mapping[str, Any] = load_3MF(io.BytesIO(data))  # type: ignore[no-untyped-call]
    parsed = Parsed(up="z")
    vertices = faces = 0
    for edge in found["graph"]:
        each = found["geometry"][edge["geometry"]]
        part = Part(np.asarray(each["vertices"]).reshape(-1, 3), np.asarray(each["faces"]).reshape(-1, 3))
        vertices, faces = vertices + len(part.vertices), faces + len(part)
        if vertices > folder.limits.vertices or faces > folder.limits.faces:
            raise MalformedError(TOO_LARGE.format(folder.limits.vertices, folder.limits.faces))
        parsed.parts.append(placed(part, np.asarray(edge["matrix"], dtype=np.float64)))
    return parsed
