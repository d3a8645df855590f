"""The JSON and the bytes of a glTF 2.0 file, with every length held against the bytes at hand.

Khronos Group, "glTF 2.0 Specification", sections 3.6 (binary data) and 4 (GLB).
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh_files import Folder
from anaglyph.geometry.mesh_parts import MalformedError

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_TYPES = {5120: np.int8, 5121: np.uint8, 5122: np.int16, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}
_HARMLESS = ("KHR_materials_", "KHR_texture_", "EXT_texture_", "KHR_lights_", "KHR_animation_", "KHR_xmp")
_READ = ("KHR_draco_mesh_compression", "KHR_mesh_quantization")


class Document:
    """A glTF file: its JSON as `json`, its accessors as arrays and its pictures as bytes."""

    def __init__(self, data: bytes, folder: Folder, *, binary: bool) -> None:
        text, self._chunk = _chunks(data) if binary else (data, None)
        try:
            self.json = json.loads(text)
        except ValueError as error:
            raise MalformedError(f"its JSON is damaged: {error}") from error
        if not isinstance(self.json, dict):
            raise MalformedError("its JSON is no object")
        self._folder = folder
        self._buffers: dict[int, bytes] = {}
        version = str(self.child(self.json, "asset").get("version", ""))
        if version.split(".")[0] != "2":
            raise MalformedError(f"it is glTF of version '{version[:10]}'; version 2 is read. Convert it")
        for name in self.rows("extensionsRequired"):
            if name not in _READ and not str(name).startswith(_HARMLESS):
                raise MalformedError(f"it requires the extension {str(name)[:60]}, which is not read")

    def rows(self, name: str) -> list[Any]:
        """A list at the top of the JSON; empty where it is absent."""
        value = self.json.get(name, [])
        if not isinstance(value, list):
            raise MalformedError(f"'{name}' is no list")
        return value

    def row(self, name: str, index: object) -> dict[str, Any]:
        """One object of such a list."""
        rows = self.rows(name)
        if type(index) is not int or not 0 <= index < len(rows):
            raise MalformedError(f"it points to {name}[{str(index)[:20]}], and there are {len(rows)}")
        if not isinstance(rows[index], dict):
            raise MalformedError(f"{name}[{index}] is no object")
        found: dict[str, Any] = rows[index]
        return found

    @staticmethod
    def child(parent: dict[str, Any], name: str) -> dict[str, Any]:
        """An object in an object; empty where it is absent."""
        value = parent.get(name, {})
        if not isinstance(value, dict):
            raise MalformedError(f"'{name}' is no object")
        return value

    def view(self, index: object) -> bytes:
        """The bytes of a buffer view."""
        row = self.row("bufferViews", index)
        buffer = self._buffer(row.get("buffer"))
        start, length = _whole(row, "byteOffset", 0), _whole(row, "byteLength")
        if start + length > len(buffer):
            raise MalformedError(
                f"bufferViews[{index}] ends at byte {start + length} of a buffer of {len(buffer)}"
            )
        return buffer[start : start + length]

    def accessor(self, index: object) -> NDArray[Any]:
        """(count, width) the elements of an accessor in their own type, sparse ones filled in."""
        row = self.row("accessors", index)
        count, width, dtype = _whole(row, "count"), _width(row, index), _component(row, index)
        most = 3 * max(self._folder.limits.faces, self._folder.limits.vertices)
        if count > most:
            raise MalformedError(f"accessors[{index}] announces {count} elements; at most {most} are read")
        if "bufferView" in row:
            stride = _whole(self.row("bufferViews", row["bufferView"]), "byteStride", 0)
            values = _strided(
                self.view(row["bufferView"]),
                _whole(row, "byteOffset", 0),
                stride,
                (count, width),
                dtype,
                index,
            )
        else:
            values = np.zeros((count, width), dtype=dtype)
        return self._sparse(row, values, index) if "sparse" in row else values

    def scaled(self, index: object) -> NDArray[np.float64]:
        """(count, width) an accessor as real numbers; normalised whole numbers become [0, 1] or [-1, 1]."""
        return scaled(self.accessor(index), normalised=self.row("accessors", index).get("normalized") is True)

    def picture(self, index: object) -> tuple[str, bytes | None]:
        """What to call a picture, and its bytes; None for one in a file of that name."""
        row = self.row("images", index)
        if "bufferView" in row:
            return f"images[{index}] in the file", self.view(row["bufferView"])
        uri = str(row.get("uri", ""))
        if uri.startswith("data:"):
            return f"images[{index}] in the file", _data_uri(uri)
        return uri, None

    def _buffer(self, index: object) -> bytes:
        row = self.row("buffers", index)
        number = int(index)  # type: ignore[call-overload]
        if number not in self._buffers:
            if "uri" in row:
                uri = str(row["uri"])
                data = _data_uri(uri) if uri.startswith("data:") else self._folder.required(uri)
            elif number == 0 and self._chunk is not None:
                data = self._chunk
            else:
                raise MalformedError(f"buffers[{number}] has no bytes")
            if _whole(row, "byteLength") > len(data):
                raise MalformedError(
                    f"buffers[{number}] announces {row['byteLength']} bytes and has {len(data)}. "
                    f"The file is damaged or cut off"
                )
            self._buffers[number] = data
        return self._buffers[number]

    def _sparse(self, row: dict[str, Any], values: NDArray[Any], index: object) -> NDArray[Any]:
        sparse = self.child(row, "sparse")
        count = _whole(sparse, "count")
        places, replaced = self.child(sparse, "indices"), self.child(sparse, "values")
        where = _strided(
            self.view(places.get("bufferView")),
            _whole(places, "byteOffset", 0),
            0,
            (count, 1),
            _component(places, index),
            index,
        )[:, 0]
        what = _strided(
            self.view(replaced.get("bufferView")),
            _whole(replaced, "byteOffset", 0),
            0,
            (count, values.shape[1]),
            values.dtype,
            index,
        )
        if count and int(where.max()) >= len(values):
            raise MalformedError(f"accessors[{index}] is sparse and replaces elements that are not there")
        values = values.copy()
        values[where] = what
        return values


def scaled(values: NDArray[Any], *, normalised: bool) -> NDArray[np.float64]:
    """Whole numbers as fractions of their type's largest where they are `normalised` (section 3.6.2.2)."""
    if not normalised or values.dtype.kind == "f":
        return values.astype(np.float64)
    return np.maximum(values / float(np.iinfo(values.dtype).max), -1.0)


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """The JSON and the binary chunk of a GLB file."""
    if len(data) < 20:
        raise MalformedError(f"it has {len(data)} bytes; a GLB file has at least 20")
    magic, version, length, size, kind = (int(word) for word in np.frombuffer(data, "<u4", count=5))
    if magic != _MAGIC or version != 2 or kind != _JSON:
        raise MalformedError("it does not begin as a GLB file of version 2")
    if length > len(data) or 20 + size > length:
        raise MalformedError(
            f"it announces {length} bytes, {size} of them JSON, and has {len(data)}. "
            f"The file is damaged or cut off; export it again"
        )
    start = 20 + size
    chunk = None
    while chunk is None and start + 8 <= length:
        size, kind = (int(word) for word in np.frombuffer(data, "<u4", count=2, offset=start))
        if start + 8 + size > length:
            raise MalformedError(
                f"a chunk announces {size} bytes, more than are left. It is damaged or cut off"
            )
        if kind == _BIN:
            chunk = data[start + 8 : start + 8 + size]
        start += 8 + size
    return data[20 : 20 + int.from_bytes(data[12:16], "little")], chunk


def _data_uri(uri: str) -> bytes:
    head, comma, text = uri.partition(",")
    if not comma or not head.endswith(";base64"):
        raise MalformedError("it has a data: address that is not base64")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError(f"it has damaged base64 data ({error})") from error


def _whole(row: dict[str, Any], name: str, default: int | None = None) -> int:
    value = row.get(name, default)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        raise MalformedError(f"'{name}' must be a whole number of at least 0, got {str(value)[:30]}")
    return value


def _width(row: dict[str, Any], index: object) -> int:
    kind = str(row.get("type"))
    if kind not in _WIDTHS:
        raise MalformedError(f"accessors[{index}] is of type '{kind[:20]}', which has no use in a mesh")
    return _WIDTHS[kind]


def _component(row: dict[str, Any], index: object) -> np.dtype[Any]:
    code = row.get("componentType")
    if type(code) is not int or code not in _TYPES:
        raise MalformedError(f"accessors[{index}] has no known component type")
    return np.dtype(_TYPES[code]).newbyteorder("<")


def _strided(
    data: bytes, start: int, stride: int, shape: tuple[int, int], dtype: np.dtype[Any], index: object
) -> NDArray[Any]:
    count, width = shape
    stride = stride or width * dtype.itemsize
    needed = start + (count - 1) * stride + width * dtype.itemsize if count else 0
    if needed > len(data) or stride < width * dtype.itemsize:
        raise MalformedError(
            f"accessors[{index}] needs {needed} bytes in steps of {stride}, and its view has {len(data)}"
        )
    if not count:
        return np.zeros(shape, dtype=dtype)
    return np.ndarray(shape, dtype, buffer=data, offset=start, strides=(stride, dtype.itemsize))
