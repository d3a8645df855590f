"""What passes between a process that reads files from others and the one that asked for it.

A message is a length, a JSON header and the bytes of the arrays that the header announces. No pickle: the
reading process is not trusted once it has touched a hostile file. The receiver looks at every announced
size before it allocates, and `Mesh` checks the content again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.geometry.mesh_limits import MeshLimits

MAX_HEADER = 2 << 20
"""Bytes of a header without materials: notes, and what is always there."""
MAX_LISTS = 10_000
MAX_NOTES = 100
MAX_TEXT = 1000
MAX_NAME = 40
"""Letters of a material's name that are sent."""
_MATERIAL_BYTES = 640
_MATERIAL_LISTS = 8
_TYPES: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
    "vertices": (np.float32, (3,)),
    "faces": (np.int32, (3,)),
    "vertex_colours": (np.uint8, (3,)),
    "corner_uv": (np.float32, (3, 2)),
    "face_material": (np.int32, ()),
}
_PER_VERTEX = ("vertices", "vertex_colours")


class ChannelError(Exception):
    """The other side said something that makes no sense; its process is of no more use."""


class ChannelClosedError(ChannelError):
    """The other side is gone."""


def standard_channel() -> tuple[IO[bytes], IO[bytes]]:
    """The two ends of the channel in a child; what a library prints or reads must not reach them."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.close(nothing)
    return requests, answers


def send(stream: IO[bytes], header: Mapping[str, object], arrays: Sequence[NDArray[np.generic]] = ()) -> None:
    """Write one message and flush it."""
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    stream.write(len(text).to_bytes(8, "little") + text)
    for array in arrays:
        stream.write(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    stream.flush()


def receive_header(stream: IO[bytes], *, materials: int = 0) -> dict[str, Any]:
    """Read the JSON header of one message about a mesh of at most so many materials.

    Lists are counted before they are parsed, since an empty one takes many times its two bytes.

    Raises:
        ChannelError: too long, too many lists, or no JSON object.
        ChannelClosedError: the other side closed the channel.
    """
    most = MAX_HEADER + _MATERIAL_BYTES * materials
    length = int.from_bytes(_exactly(stream, 8), "little")
    if length > most:
        raise ChannelError(f"a header of {length} bytes is announced; at most {most}")
    text = _exactly(stream, length)
    if text.count(b"[") + text.count(b"{") > MAX_LISTS + _MATERIAL_LISTS * materials:
        raise ChannelError("the header holds too many lists")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ChannelError("the header is no JSON") from error
    if not isinstance(header, dict):
        raise ChannelError("the header is no JSON object")
    return header


def send_mesh(stream: IO[bytes], mesh: Mesh, *, retire: bool = False) -> None:
    """Write a mesh, and whether the process that read it should be replaced; `receive_mesh` reads it."""
    named = {name: array for name in _TYPES if (array := getattr(mesh, name)) is not None}
    textures = {id(each.texture): each.texture for each in mesh.materials if each.texture is not None}
    places = {ident: place for place, ident in enumerate(textures)}
    header = {
        "arrays": {name: list(array.shape) for name, array in named.items()},
        "materials": [
            {
                "name": material.name[:MAX_NAME],
                "colour": list(material.colour),
                "texture": None if material.texture is None else places[id(material.texture)],
            }
            for material in mesh.materials
        ],
        "textures": [list(texture.shape) for texture in textures.values()],
        "up": mesh.up,
        "notes": [note[:MAX_TEXT] for note in mesh.notes[:MAX_NOTES]],
        "retire": retire,
    }
    send(stream, header, [*named.values(), *textures.values()])


def receive_mesh(stream: IO[bytes], header: Mapping[str, Any], limits: MeshLimits) -> Mesh:
    """Read the arrays that `header` announces and build the mesh, whose own checks run here once more.

    Raises:
        ChannelError: sizes, names or values that `send_mesh` cannot have written, or beyond `limits`.
    """
    try:
        announced = {str(name): _shape(shape) for name, shape in header["arrays"].items()}
        for name, shape in announced.items():
            _check_announced(name, shape, limits)
        rows = list(header["materials"])
        shapes = [_shape(shape) for shape in header["textures"]]
        _check_textures(shapes, len(rows), limits)
        arrays = {name: receive_array(stream, shape, _TYPES[name][0]) for name, shape in announced.items()}
        textures = [receive_array(stream, shape, np.uint8) for shape in shapes]
        materials = tuple(
            Material(
                printable(str(row["name"])),
                _colour(row["colour"]),
                None if row["texture"] is None else textures[row["texture"]],
            )
            for row in rows
        )
        if header["up"] not in ("y", "z"):
            raise ValueError("up is neither y nor z")
        notes = tuple(printable(str(note)) for note in header["notes"][:MAX_NOTES])
        return Mesh(**arrays, materials=materials, up=header["up"], notes=notes)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ChannelError(f"the mesh makes no sense: {error}") from error


def printable(text: str, *, most: int = MAX_TEXT) -> str:
    """One line without control characters, which a terminal might obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:most])


def _shape(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(length) is int and length >= 0 for length in value):
        raise ValueError("a shape is no list of whole numbers")
    return tuple(value)


def _check_announced(name: str, shape: tuple[int, ...], limits: MeshLimits) -> None:
    _, rest = _TYPES[name]
    most = limits.vertices if name in _PER_VERTEX else limits.faces
    if len(shape) != 1 + len(rest) or shape[1:] != rest or shape[0] > most:
        raise ValueError(f"{name} of shape {shape} is announced")


def _check_textures(shapes: Sequence[tuple[int, ...]], materials: int, limits: MeshLimits) -> None:
    if materials > limits.materials or len(shapes) > materials:
        raise ValueError(f"{materials} materials with {len(shapes)} textures are announced")
    if any(len(shape) != 3 or shape[2] != 3 for shape in shapes):
        raise ValueError("a texture is announced that is no picture")
    if sum(shape[0] * shape[1] for shape in shapes) > limits.texture_pixels:
        raise ValueError("more texture pixels are announced than allowed")


def _colour(value: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(channel) for channel in value)
    if not all(0.0 <= channel <= 1.0 for channel in (red, green, blue)):
        raise ValueError("a colour is outside [0, 1]")
    return red, green, blue


def receive_array(stream: IO[bytes], shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Read the next array of a message; whoever calls has looked at the size that was announced."""
    array = np.empty(shape, dtype=dtype)
    if array.size:
        _fill(stream, array.data.cast("B"))
    return array


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = bytearray(count)
    _fill(stream, memoryview(data))
    return bytes(data)


def _fill(stream: IO[bytes], view: memoryview) -> None:
    done = 0
    while done < len(view):
        read = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not read:
            raise ChannelClosedError(f"the channel ended {len(view) - done} bytes early")
        done += read
