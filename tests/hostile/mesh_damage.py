"""Honest models that were cut, flipped, mixed up or drowned in noise."""

import random
from pathlib import PurePath

from hostile.mesh_files import HostileMesh
from hostile.mesh_samples import HONEST

FORMATS = ("obj", "ply", "stl", "off", "gltf", "glb", "3mf", "dae", "fbx")
CUTS = 16
FLIPS = 16
MAY_BE_WHOLE = ("box.obj", "box.fbx")
"""Formats of text without an end mark: what is left of one may be a smaller model."""
MAGIC = {
    "ply": b"ply\nformat binary_little_endian 1.0\nelement vertex 3\nproperty float x\nend_header\n",
    "glb": b"glTF\x02\x00\x00\x00\x00\x01\x00\x00",
    "3mf": b"PK\x03\x04",
    "dae": b'<?xml version="1.0"?><COLLADA>',
    "fbx": b"Kaydara FBX Binary  \x00\x1a\x00\xe8\x1c\x00\x00",
    "stl": b"solid noise\nfacet normal 0 0 0\n",
    "off": b"OFF\n4 4 0\n",
    "gltf": b'{"asset":{"version":"2.0"},"buffers":[',
    "obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf ",
}


def families():
    yield from cut_off()
    yield from flipped()
    yield from spliced()
    yield from noise()
    yield from wrong_suffix()
    yield from empty()


def cut_off():
    """Every format cut at many places, the last of them a few bytes before the end."""
    for name, make in HONEST.items():
        data = make()
        for step in range(CUTS):
            size = 1 + step * (len(data) - 18) // (CUTS - 1)
            yield HostileMesh("cut off", name, data[:size], must_fail=name not in MAY_BE_WHOLE)


def flipped():
    """Single bits, and some of many bits; most of these files are broken, some are not."""
    for name, make in HONEST.items():
        honest = make()
        for seed in range(FLIPS):
            draw = random.Random(f"flip {name} {seed}")
            data = bytearray(honest)
            for _ in range(1 if seed < FLIPS // 2 else 12):
                place = draw.randrange(len(data))
                data[place] ^= 1 << draw.randrange(8)
            yield HostileMesh("bits flipped", name, bytes(data), must_fail=False)


def spliced():
    """A piece taken out, doubled, moved, or overwritten with zeros, ones or digits."""
    for name, make in HONEST.items():
        honest = make()
        for seed in range(10):
            draw = random.Random(f"splice {name} {seed}")
            start = draw.randrange(len(honest))
            size = draw.randrange(1, 64)
            piece = honest[start : start + size]
            other = draw.randrange(len(honest))
            replaced = (
                b"",
                piece * 2,
                piece * 50,
                bytes(len(piece)),
                b"\xff" * len(piece),
                b"9" * len(piece),
                honest[other : other + size],
                b"-" + piece,
                piece[::-1],
                b"\n" * 5,
            )[seed]
            yield HostileMesh(
                "spliced", name, honest[:start] + replaced + honest[start + size :], must_fail=False
            )


def noise():
    for suffix in FORMATS:
        for seed in range(6):
            draw = random.Random(f"noise {suffix} {seed}")
            data = draw.randbytes(draw.choice((1, 20, 84, 300, 5000, 100_000)))
            yield HostileMesh("noise", f"noise.{suffix}", data)
            yield HostileMesh("noise after magic", f"noise.{suffix}", MAGIC[suffix] + data)


def wrong_suffix():
    """A model of one format under the name of another, and formats that are not read."""
    for name, make in HONEST.items():
        for suffix in FORMATS:
            if suffix != PurePath(name).suffix[1:]:
                yield HostileMesh("wrong suffix", f"box.{suffix}", make())
    for name in ("box", "box.zip", "box.exe", "box.obj.gz", "box.usdz", "box.xyz", "box.pkl", "obj", ".obj"):
        yield HostileMesh("unknown suffix", name, HONEST["box.obj"](), says="3D format")


def empty():
    for suffix in FORMATS:
        yield HostileMesh("empty", f"box.{suffix}", b"", says="empty")
        for data in (
            b"\0",
            b"\n",
            b" " * 500,
            b"\0" * 500,
            b"\xff\xfe",
            b"{}",
            b"[]",
            b"<a/>",
            b"PK\x05\x06" + bytes(18),
        ):
            yield HostileMesh("nearly empty", f"box.{suffix}", data)
