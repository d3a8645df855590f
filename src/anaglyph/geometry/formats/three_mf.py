"""3MF: the objects of a build where its items put them, components and parts of the container included.

3MF Consortium, "3MF Core Specification" 1.3, chapters 3 and 4; "3MF Production Extension" 1.2 for p:path.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
from lxml import etree
from numpy.typing import NDArray

from anaglyph.geometry.formats.xml_gate import check_xml
from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import MalformedError, Parsed, Part, TooLargeError, placed
from anaglyph.io.archive import read_archive

_ROOT = "3d/3dmodel.model"
_XML_MEMBERS = (".model", ".rels", ".xml")
_DEEPEST = 50
_PATH = re.compile(r"\{http://schemas\.microsoft\.com/3dmanufacturing/production/[^}]*\}path")
_Key = tuple[str, str]
"""Model part of the container, in lower case, and id of an object in it."""


@dataclass
class _Object:
    """One <object>: a mesh, or components, or neither."""

    part: Part | None = None
    components: list[tuple[_Key, NDArray[np.float64]]] = field(default_factory=list)


def read_3mf(data: bytes, folder: Folder) -> Parsed:
    """The build of a 3MF container, z up, in its own unit; its colours and materials are not read."""
    members = read_archive(data, folder.limits.archive, what="it")
    for name, content in members.items():
        if name.lower().endswith(_XML_MEMBERS) or content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
            check_xml(content, f"its member '{name[:60]}'")
    models = {name.lower().lstrip("/"): content for name, content in members.items()}
    root = next((name for name in models if name.endswith(_ROOT)), None)
    if root is None:
        raise MalformedError("it holds no 3D/3dmodel.model, as a 3MF container does")
    build = _Build(models, folder)
    for item in build.document(root).iterfind("{*}build/{*}item"):
        build.place(build.key(item, root), _transform(item), 0)
    return Parsed(build.parts, up="z")


class _Build:
    """Places objects; each model part is parsed once, and each object made once."""

    def __init__(self, models: dict[str, bytes], folder: Folder) -> None:
        self.parts: list[Part] = []
        self._models = models
        self._limits = folder.limits
        self._documents: dict[str, etree._Element] = {}
        self._objects: dict[_Key, _Object] = {}
        self._triangles: dict[_Key, int] = {}
        self._vertices_placed = self._faces_placed = 0

    def document(self, name: str) -> etree._Element:
        """The XML of a model part."""
        if name not in self._documents:
            if name not in self._models:
                raise MalformedError(f"it points to its part '{name[:60]}', which it does not hold")
            parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
            try:
                document = etree.fromstring(self._models[name], parser)
            except etree.XMLSyntaxError as error:
                raise MalformedError(f"its part '{name[:60]}' is damaged XML ({str(error)[:100]})") from error
            self._documents[name] = document
            for each in document.iterfind("{*}resources/{*}object"):
                self._objects[name, each.get("id", "")] = self._object(each, name)
        return self._documents[name]

    def key(self, reference: etree._Element, here: str) -> _Key:
        """The object that an item or a component names: in this part, or in the one of its p:path."""
        path = next((str(value) for name, value in reference.items() if _PATH.fullmatch(str(name))), None)
        where = here if path is None else path.lower().lstrip("/")
        return where, reference.get("objectid", "")

    def place(self, key: _Key, matrix: NDArray[np.float64], depth: int) -> None:
        """Add an object, with its components, under a (4, 4) transform."""
        if not self._count(key, depth):
            return  # without this, empty components in components could double for ever
        found = self._objects[key]
        if found.part is not None:
            self._vertices_placed += len(found.part.vertices)
            self._faces_placed += len(found.part)
            most = self._limits.vertices, self._limits.faces
            if self._vertices_placed > most[0] or self._faces_placed > most[1]:
                raise TooLargeError(*most)
            self.parts.append(placed(found.part, matrix))
        for inner, turn in found.components:
            self.place(inner, matrix @ turn, depth + 1)

    def _count(self, key: _Key, depth: int) -> int:
        """Triangles of an object with all its components."""
        if key not in self._triangles:
            if depth > _DEEPEST:
                raise MalformedError("its components hold one another, or are nested too deeply")
            self.document(key[0])
            if key not in self._objects:
                raise MalformedError(
                    f"it points to the object '{key[1][:20]}', which is not in '{key[0][:60]}'"
                )
            found = self._objects[key]
            inner = sum(self._count(each, depth + 1) for each, _ in found.components)
            self._triangles[key] = inner + (0 if found.part is None else len(found.part))
        return self._triangles[key]

    def _object(self, each: etree._Element, name: str) -> _Object:
        mesh = each.find("{*}mesh")
        components = each.iterfind("{*}components/{*}component")
        return _Object(
            None if mesh is None else _part(mesh),
            [(self.key(component, name), _transform(component)) for component in components],
        )


def _part(mesh: etree._Element) -> Part:
    try:
        vertices = [
            [float(row.get(axis, "")) for axis in "xyz"] for row in mesh.iterfind("{*}vertices/{*}vertex")
        ]
        faces = [
            [int(row.get(corner, "")) for corner in ("v1", "v2", "v3")]
            for row in mesh.iterfind("{*}triangles/{*}triangle")
        ]
        return Part(
            np.array(vertices, dtype=np.float64).reshape(-1, 3),
            np.array(faces, dtype=np.int64).reshape(-1, 3),
        )
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"a vertex or triangle does not hold the numbers it should ({error})") from error


def _transform(element: etree._Element) -> NDArray[np.float64]:
    """(4, 4) for column vectors of the twelve numbers, which are meant for row vectors (section 3.3)."""
    matrix = np.eye(4)
    words = element.get("transform", "").split()
    if words:
        try:
            matrix[:3, :] = np.array([float(word) for word in words]).reshape(4, 3).T
        except ValueError as error:
            raise MalformedError(f"a transform is not 12 numbers ({str(error)[:60]})") from error
    return matrix
