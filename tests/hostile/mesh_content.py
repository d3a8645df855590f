"""Models whose numbers lie: counts, indices, values, and JSON of other types than the format has."""

import copy
import json
import struct

import numpy as np

from hostile.mesh_files import HostileMesh
from hostile.mesh_samples import (
    CORNERS,
    FACES,
    QUADS,
    dae,
    fbx,
    glb,
    glb_of,
    gltf,
    gltf_document,
    obj,
    off,
    ply,
    stl,
    stl_text,
    three_mf,
)

BILLION = 1_000_000_000
COUNTS = (0, 1, 7, 9, 100, 10**6, BILLION, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 10**30, -1, -8)
INDICES = (8, 9, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, -1, -9, -(2**31))
NOT_FINITE = ("nan", "inf", "-inf", "1e400", "-1e39")
REPLACEMENTS = (None, True, -1, 1.5, 2**31, 2**64, 1e308, "x", "", [], [[]], {}, {"a": 1}, [None], [0] * 17)


def families():
    yield from lying_counts()
    yield from lying_gltf()
    yield from indices()
    yield from not_finite()
    yield from no_area()
    yield from no_faces()
    yield from json_types()
    yield from odd_json()
    yield from long_lines()


def lying_counts():
    """More or fewer elements announced than there are; fewer faces alone can be a smaller model."""
    for count in COUNTS:
        if count != 12 and 0 <= count < 2**32:
            yield HostileMesh("lying count", "box.stl", stl(count=count), says="announces|no faces")
        for first, second in ((count, 6), (8, count), (count, count)):
            smaller = first == 8 and 0 < second < 6
            for order in ("ascii", "binary_little_endian", "binary_big_endian"):
                data = ply(order, counts=(first, second))
                yield HostileMesh("lying count", "box.ply", data, must_fail=not smaller)
            yield HostileMesh("lying count", "box.off", off(counts=(first, second)), must_fail=not smaller)
        if count >= 0:
            yield HostileMesh("lying count", "box.fbx", fbx(announced=(count, count)), must_fail=False)


def lying_gltf():
    for count in COUNTS:
        for place in (
            ("accessors", 0, "count"),
            ("accessors", 2, "count"),
            ("accessors", 0, "byteOffset"),
            ("bufferViews", 0, "byteLength"),
            ("bufferViews", 2, "byteOffset"),
            ("bufferViews", 0, "byteStride"),
            ("buffers", 0, "byteLength"),
        ):
            document, _ = gltf_document()
            document[place[0]][place[1]][place[2]] = count
            data = json.dumps(document).encode()
            yield HostileMesh("lying length", "box.gltf", data, must_fail=count < 0 or count >= 10**6)
        document, _ = gltf_document()
        del document["accessors"][0]["bufferView"]
        document["accessors"][0]["count"] = count
        yield HostileMesh("accessor without bytes", "box.gltf", json.dumps(document).encode())
        for part in ("indices", "values"):
            document, _ = gltf_document()
            sparse = {
                "count": 1,
                "indices": {"bufferView": 2, "componentType": 5123},
                "values": {"bufferView": 0},
            }
            sparse[part]["byteOffset"] = count
            document["accessors"][0]["sparse"] = sparse
            yield HostileMesh("lying sparse", "box.gltf", json.dumps(document).encode(), must_fail=False)
        document, _ = gltf_document()
        document["accessors"][0]["sparse"] = {
            "count": count,
            "indices": {"bufferView": 2, "componentType": 5123},
            "values": {"bufferView": 0},
        }
        yield HostileMesh(
            "lying sparse", "box.gltf", json.dumps(document).encode(), must_fail=count not in (0, 1, 7)
        )
    honest = glb()
    for place in (4, 8, 12, 16):
        for value in (0, 1, 19, 2**31, 2**32 - 1, len(honest) + 1):
            data = honest[:place] + struct.pack("<I", value) + honest[place + 4 :]
            yield HostileMesh("lying GLB header", "box.glb", data)
    document, blob = gltf_document()
    del document["buffers"][0]["uri"]
    yield HostileMesh("GLB without bytes", "box.glb", glb_of(json.dumps(document).encode(), b""))
    yield HostileMesh("GLB with too few bytes", "box.glb", glb_of(json.dumps(document).encode(), blob[:60]))


def indices():
    """A face that points to a vertex which is not there."""
    for index in INDICES:
        quads = [*QUADS[:-1], (*QUADS[-1][:3], index)]
        faces = FACES.astype(object)
        faces[-1, -1] = index
        if index >= 8:
            yield HostileMesh("index out of range", "box.obj", obj(quads=quads))
        elif index < -1:
            data = obj(quads=[*QUADS[:-1], (*QUADS[-1][:3], index - 1)])
            yield HostileMesh("index out of range", "box.obj", data)
        yield HostileMesh("index out of range", "box.off", off(quads=quads))
        yield HostileMesh("index out of range", "box.ply", ply(quads=quads))
        if -(2**31) <= index < 2**31:
            for order in ("binary_little_endian", "binary_big_endian"):
                yield HostileMesh("index out of range", "box.ply", ply(order, quads=quads))
            if index >= 0:
                yield HostileMesh(
                    "index out of range", "box.fbx", fbx(quads=[(index, *QUADS[-1][1:]), *QUADS[1:]])
                )
        yield HostileMesh("index out of range", "box.3mf", three_mf(faces=faces))
        yield HostileMesh("index out of range", "box.dae", dae(faces=faces))
        for kind in (np.uint8, np.uint16, np.uint32):
            if 0 <= index <= np.iinfo(kind).max:
                yield HostileMesh("index out of range", "box.gltf", gltf(faces=faces.astype(kind)))
    zero = obj(quads=[(-1, 0, 1, 2), *QUADS])
    yield HostileMesh("index out of range", "zero.obj", zero)


def not_finite():
    """One vertex, which is left out with its faces, or all of them."""
    for word in NOT_FINITE:
        for rows in (1, 8):
            vertices = CORNERS.astype(object)
            vertices[:rows] = word
            whole = rows == 8
            for name, make in (
                ("obj", obj),
                ("off", off),
                ("ply", ply),
                ("3mf", three_mf),
                ("dae", dae),
                ("fbx", fbx),
            ):
                yield HostileMesh("not finite", f"box.{name}", make(vertices=vertices), must_fail=whole)
            with np.errstate(over="ignore"):
                numbers = vertices.astype(np.float64).astype(np.float32)
            yield HostileMesh("not finite", "text.stl", stl_text(vertices=vertices), must_fail=whole)
            yield HostileMesh("not finite", "box.stl", stl(vertices=numbers), must_fail=whole)
            yield HostileMesh("not finite", "box.gltf", gltf(vertices=numbers), must_fail=whole)
            for order in ("binary_little_endian", "binary_big_endian"):
                yield HostileMesh("not finite", "box.ply", ply(order, vertices=numbers), must_fail=whole)
    for field, value in (
        ("translation", [1e308, 0, 0]),
        ("scale", [1e300, 1e300, 1e300]),
        ("matrix", [float("nan")] * 16),
    ):
        document, _ = gltf_document()
        document["nodes"][0][field] = value
        yield HostileMesh("not finite node", "box.gltf", json.dumps(document).encode())


def no_area():
    """Boxes without extent, needles, and faces that use a vertex twice."""
    for vertices in (CORNERS * 0, CORNERS * [1, 0, 0], CORNERS * 0 + 5, CORNERS * [0, 1e-40, 0]):
        vertices = vertices.astype(np.float32)
        for name, make in (
            ("obj", obj),
            ("off", off),
            ("ply", ply),
            ("3mf", three_mf),
            ("dae", dae),
            ("fbx", fbx),
            ("stl", stl),
            ("gltf", gltf),
        ):
            yield HostileMesh("no area", f"box.{name}", make(vertices=vertices), says="area|no face")
    same = [(0, 0, 0, 0)] * 6
    for name, make in (("obj", obj), ("off", off), ("ply", ply)):
        yield HostileMesh("no area", f"box.{name}", make(quads=same), says="twice")
    document, _ = gltf_document()
    document["nodes"][0]["scale"] = [0, 0, 0]
    yield HostileMesh("no area", "box.gltf", json.dumps(document).encode(), says="area")


def no_faces():
    for name, make in (("obj", obj), ("off", off), ("ply", ply)):
        yield HostileMesh("no faces", f"cloud.{name}", make(quads=[]), says="no faces")
        yield HostileMesh("no faces", f"edges.{name}", make(quads=[(0, 1), (2,)]), says="no faces")
    document, _ = gltf_document()
    for mode in (0, 1, 2, 3, 7, -1, "4", None):
        document["meshes"][0]["primitives"][0]["mode"] = mode
        yield HostileMesh("no faces", "lines.gltf", json.dumps(document).encode())
    for name in ("meshes", "nodes", "scenes"):
        document, _ = gltf_document()
        document[name] = []
        yield HostileMesh("no faces", "bare.gltf", json.dumps(document).encode(), must_fail=name != "scenes")


def json_types():
    """Each value of a glTF file replaced by one of another kind."""
    honest, _ = gltf_document()
    for place in sorted(_places(honest), key=str):
        for value in REPLACEMENTS:
            document = copy.deepcopy(honest)
            parent = document
            for key in place[:-1]:
                parent = parent[key]
            parent[place[-1]] = value
            yield HostileMesh(
                "JSON of another kind", "box.gltf", json.dumps(document).encode(), must_fail=False
            )


def _places(value, place=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield (*place, key)
        yield from _places(child, (*place, key))


def odd_json():
    for text in (
        "[" * 100_000,
        '{"a":' * 100_000,
        "1" * 100_000,
        '"' + "a" * 100_000,
        "NaN",
        "\ufeff{}",
        '{"asset":{"version":"1.0"}}',
        '{"asset":{"version":"2.0"},"extensionsRequired":["EXT_meshopt_compression"]}',
    ):
        yield HostileMesh("odd JSON", "box.gltf", text.encode())
        yield HostileMesh("odd JSON", "box.glb", glb_of(text.encode(), b""))
    for nodes in (
        [{"mesh": 0, "children": [0]}],
        [{"children": [1]}, {"mesh": 0, "children": [0]}],
        [{"children": [1, 1]}, {"mesh": 0}],
        [{"children": [n + 1]} for n in range(10_000)] + [{"mesh": 0}],
    ):
        document, _ = gltf_document()
        document["nodes"] = nodes
        yield HostileMesh("nodes that are no tree", "box.gltf", json.dumps(document).encode(), says="no tree")


def long_lines():
    """Text formats with a line, a word or a number of a megabyte, or as many tiny lines."""
    for filler in (b"9" * 1_000_000, b"1 " * 500_000, b"f " * 500_000, b"\n" * 1_000_000, b"v\n" * 300_000):
        yield HostileMesh("long line", "box.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf " + filler)
        yield HostileMesh("long line", "box.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 " + filler)
        yield HostileMesh("long line", "box.stl", b"solid\nfacet\nvertex " + filler + b"\nendsolid")
        head = (
            b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n"
        )
        yield HostileMesh("long line", "box.ply", head + b"end_header\n" + filler)
        yield HostileMesh("long line", "head.ply", b"ply\ncomment " + filler)
