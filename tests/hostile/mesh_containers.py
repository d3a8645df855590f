"""Zip containers and XML made to fill a memory, to climb out, or to ask for other files."""

import struct
import zipfile
import zlib

from hostile.mesh_files import CANARY, HostileMesh
from hostile.mesh_samples import dae, three_mf, three_mf_model, zipped

MODEL = "3D/3dmodel.model"
NAMES = (
    "../evil.model",
    "..\\evil.model",
    "/etc/evil.model",
    "3D/../../evil.model",
    "C:/evil.model",
    "C:\\evil.model",
    "\\\\server\\evil",
    "~/evil",
    "a\x00b",
    "a\nb",
    "",
    "x" * 300,
    "/".join("d" * 40),
    "3d/3DMODEL.MODEL",
    "3D/3dmodel.model/",
)
DOCTYPES = (
    '<!DOCTYPE a [<!ENTITY x "boom">]>',
    '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
    f'<!DOCTYPE a [<!ENTITY x SYSTEM "file://{{outside}}/{CANARY}/secret.txt">]>',
    '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
    '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    "<!doctype html>",
)


def families():
    yield from archives()
    yield from lying_archives()
    yield from documents()
    yield from instances()


def archives():
    honest = {MODEL: three_mf_model()}
    for name in NAMES:
        data = zipped({**honest, name.replace("\x00", "\x01"): b"x"})  # Python itself writes no NUL
        data = data.replace(b"a\x01b", b"a\x00b")
        yield HostileMesh("member name", "box.3mf", data)
    bomb = zipped({**honest, "zeros": bytes(8 << 20)})
    yield HostileMesh("zip bomb", "box.3mf", bomb, says="times its size")
    model = three_mf_model().replace(b"</model>", b" " * (8 << 20) + b"</model>")
    yield HostileMesh("zip bomb", "box.3mf", zipped({MODEL: model}), says="times its size")
    for inner in (bomb, zipped({"a": zipped({"b": bomb})}), b"\x1f\x8b\x08" + bytes(50), b"BZh9" + bytes(50)):
        yield HostileMesh(
            "nested archive", "box.3mf", zipped({**honest, "inner": inner}), says="archive itself"
        )
    many = {**honest, **{f"m{n}": b"" for n in range(3000)}}
    yield HostileMesh("many members", "box.3mf", zipped(many), says="members")
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield HostileMesh("odd compression", "box.3mf", zipped(honest, compression=method), says="method")
    yield HostileMesh("no model inside", "box.3mf", zipped({"a.txt": b"hello"}), says="3dmodel")
    yield HostileMesh("no model inside", "box.3mf", zipped({}))
    yield HostileMesh("two archives", "box.3mf", three_mf() + three_mf(), must_fail=False)
    yield HostileMesh("text before", "box.3mf", b"#!/bin/sh\n" + three_mf(), must_fail=False)


def lying_archives():
    """Sizes, flags and places in the tables of an archive changed, each in both tables and in one."""
    honest = three_mf()
    central = honest.index(b"PK\x01\x02")
    end = honest.index(b"PK\x05\x06")
    for value in (0, 1, 2**16, 2**31, 2**32 - 1):
        word = struct.pack("<I", value)
        for place in (18, 22, central + 20, central + 24, central + 42, end + 12, end + 16):
            data = honest[:place] + word + honest[place + 4 :]
            yield HostileMesh("lying archive", "box.3mf", data, must_fail=False)
        both = honest[:22] + word + honest[26 : central + 24] + word + honest[central + 28 :]
        yield HostileMesh("lying size", "box.3mf", both)
    locked = bytearray(honest)
    locked[6] |= 1
    locked[central + 8] |= 1
    yield HostileMesh("locked member", "box.3mf", bytes(locked), says="encrypted")
    for kind in (0o120777, 0o020666, 0o010666):
        data = bytearray(honest)
        data[central + 38 : central + 42] = struct.pack("<I", kind << 16)
        yield HostileMesh("member is a link", "box.3mf", bytes(data), says="link")
    # a member that announces few bytes and holds many: only what it announces can come out
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = stream.compress(bytes(64 << 20)) + stream.flush()
    yield HostileMesh(
        "zip bomb", "box.3mf", _by_hand(MODEL.encode(), packed, 64 << 20), says="times its size"
    )
    yield HostileMesh("zip bomb", "box.3mf", _by_hand(MODEL.encode(), packed, 100))


def _by_hand(name, packed, announced):
    head = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 0, 0, len(packed), announced, len(name), 0)
    local = b"PK\x03\x04" + head + name + packed
    central = b"PK\x01\x02" + struct.pack("<H", 20) + head + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    return local + central + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)


def documents():
    """Document types, encodings that could hide them, deep nesting, and unfinished trees."""
    model = three_mf_model()
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>'
    for doctype in DOCTYPES:
        yield HostileMesh("document type", "box.dae", dae(head=doctype), says="document type")
        hidden = model.replace(declaration, declaration + doctype.encode())
        yield HostileMesh("document type", "box.3mf", zipped({MODEL: hidden}), says="document type")
        for encoding in ("utf-16", "utf-16-le", "utf-32"):
            yield HostileMesh("other encoding", "box.dae", dae(head=doctype).decode().encode(encoding))
        for encoding in (b"UTF-7", b"utf-16", b"EBCDIC-CP-BE", b"x"):
            data = dae(head=doctype).replace(b'encoding="utf-8"', b'encoding="' + encoding + b'"')
            yield HostileMesh("other encoding", "box.dae", data, says="encoding")
    for depth in (1000, 100_000):
        yield HostileMesh("deep XML", "box.dae", b"<a>" * depth)
        yield HostileMesh("deep XML", "box.dae", dae(nodes="<node>" * depth + "</node>" * depth))
        deep = model.replace(b"<build>", b"<a>" * depth + b"</a>" * depth + b"<build>")
        yield HostileMesh(
            "deep XML",
            "box.3mf",
            zipped({MODEL: deep}, compression=zipfile.ZIP_STORED),
            must_fail=depth > 1000,
        )
    yield HostileMesh("wide XML", "box.dae", dae(head=f"<!--{'x' * 500_000}-->"), must_fail=False)
    yield HostileMesh(
        "zip behind XML", "box.dae", dae() + zipped({"a.dae": dae(head=DOCTYPES[1])}), says="UTF-8"
    )
    for url in ("#nothing", "http://127.0.0.1:9/x.dae#box", f"../{CANARY}/model.dae#box", "", "#s"):
        nodes = f'<node><instance_geometry url="{url}"/></node>'
        yield HostileMesh("geometry elsewhere", "box.dae", dae(nodes=nodes))


def instances():
    """Scenes that contain themselves, or a thing twice that contains a thing twice, and so on."""
    items = '<component objectid="1"/>'
    for depth in (3, 60):
        objects, last = "", 1
        for n in range(2, depth):
            objects += f'<object id="{n}" type="model"><components>' + items.replace('"1"', f'"{last}"') * 2
            objects += "</components></object>"
            last = n
        data = three_mf(objects=objects, build=f'<item objectid="{last}"/>')
        yield HostileMesh("doubling", "box.3mf", data, must_fail=depth > 3, slow=depth > 3)
    loop = (
        '<object id="2"><components><component objectid="2"/><component objectid="1"/></components></object>'
    )
    yield HostileMesh(
        "loop", "box.3mf", three_mf(objects=loop, build='<item objectid="2"/>'), must_fail=False, slow=True
    )
    nodes = "".join(
        f'<node id="n{n}"><instance_node url="#n{n + 1}"/><instance_node url="#n{n + 1}"/></node>'
        for n in range(60)
    )
    nodes += '<node id="n60"><instance_geometry url="#box"/></node>'
    yield HostileMesh("doubling", "box.dae", dae(nodes=nodes), must_fail=False, slow=True)
    itself = '<node id="n"><instance_node url="#n"/><instance_geometry url="#box"/></node>'
    yield HostileMesh("loop", "box.dae", dae(nodes=itself), must_fail=False, slow=True)
    library = "".join(
        f'<node id="n{n}"><instance_node url="#n{n + 1}"/><instance_node url="#n{n + 1}"/></node>'
        for n in range(40)
    )
    library = f'<library_nodes>{library}<node id="n40"><instance_geometry url="#box"/></node></library_nodes>'
    data = dae(nodes='<node><instance_node url="#n0"/></node>')
    data = data.replace(b"<library_visual_scenes>", library.encode() + b"<library_visual_scenes>")
    yield HostileMesh("doubling", "box.dae", data, must_fail=False, slow=True)
