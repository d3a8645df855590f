"""Models that ask for files they must not have, and things that are no files."""

import json

from hostile.mesh_files import CANARY, HostileMesh
from hostile.mesh_samples import NEIGHBOURS, dae, data_uri, fbx, gltf, mtl, obj, ply, png

OUTSIDE = (
    "../{canary}/{file}",
    "..\\{canary}\\{file}",
    "./../{canary}/{file}",
    "sub/../../{canary}/{file}",
    "sub\\..\\..\\{canary}\\{file}",
    "../../{parent}/{canary}/{file}",
    "%2e%2e/{canary}/{file}",
    "%2e%2e%2f{canary}%2f{file}",
    "..%5c{canary}%5c{file}",
    "{absolute}",
    "//{absolute}",
    "\\\\localhost\\{canary}\\{file}",
    "file://{absolute}",
    "file:{absolute}",
    "FILE:///{absolute}",
    "http://127.0.0.1:9/{file}",
    "https://127.0.0.1:9/{file}",
    "ftp://127.0.0.1/{file}",
    "C:\\{canary}\\{file}",
    "c:/{canary}/{file}",
    "~/{file}",
    "~root/{file}",
    "$HOME/{file}",
    "/dev/zero",
    "/dev/stdin",
    "/proc/self/environ",
    "/proc/self/fd/0",
    "nothing-there/{file}",
    "{file}\x00.png",
    "\x1b]0;title\x07{file}",
    ".",
    "..",
    "",
    " ",
    "a" * 5000,
)
"""Names; what stands in braces is filled in when the file is laid down."""
LINKS = (
    "../{canary}/{file}",
    "{absolute}",
    "nothing-there",
    "loop",
    "/dev/zero",
    "/dev/urandom",
    "/proc/self/environ",
)


def families():
    yield from names()
    yield from links()
    yield from special()
    yield from pictures()


def names():
    """Every name in every place where a format may name a file."""
    for name in OUTSIDE:
        yield _asking(
            "buffer outside", "box.gltf", name, "numbers.bin", lambda n: gltf(uri=n), must_fail=True
        )
        yield _asking("picture outside", "box.gltf", name, "picture.png", lambda n: gltf(image=n))
        yield _asking("library outside", "box.obj", name, "colours.mtl", lambda n: obj(library=n))
        yield _asking("picture outside", "box.mtl", name, "picture.png", lambda n: mtl(texture=n))
        if "\x00" not in name and "\x1b" not in name:
            yield _asking("picture outside", "box.dae", name, "picture.png", lambda n: dae(texture=n))
        yield _asking(
            "picture outside", "box.ply", name, "picture.png", lambda n: ply(comment=f"TextureFile {n}")
        )
        yield _asking("picture outside", "box.fbx", name, "picture.png", lambda n: fbx(texture=n))


def _asking(family, model, name, file, make, *, must_fail=False):
    """`make` gets the name with the canary's file filled in; a library is the neighbour of an OBJ file."""
    filled = name.replace("{canary}", CANARY).replace("{file}", file)
    if model == "box.mtl":
        return HostileMesh(
            family, "box.obj", obj(), must_fail=False, files={**NEIGHBOURS, "box.mtl": make(filled)}
        )
    return HostileMesh(family, model, make(filled), must_fail=must_fail, files=dict(NEIGHBOURS))


def links():
    """The neighbours, their folder, or the model itself are links that leave the folder or go nowhere."""
    for target in LINKS:
        filled = target.replace("{canary}", CANARY)
        yield HostileMesh(
            "link", "box.gltf", gltf(uri="loop"), links={"loop": filled.replace("{file}", "numbers.bin")}
        )
        yield HostileMesh(
            "link",
            "box.gltf",
            gltf(image="loop"),
            must_fail=False,
            links={"loop": filled.replace("{file}", "picture.png")},
        )
        yield HostileMesh(
            "link",
            "box.obj",
            obj(library="loop"),
            must_fail=False,
            links={"loop": filled.replace("{file}", "colours.mtl")},
        )
        yield HostileMesh(
            "link",
            "box.obj",
            obj(),
            must_fail=False,
            links={"box.png": filled.replace("{file}", "picture.png").replace("loop", "box.png")},
        )
        for suffix in ("obj", "ply", "stl", "glb"):
            link = filled.replace("{file}", f"model.{suffix}").replace("loop", f"box.{suffix}")
            yield HostileMesh("model is a link", f"box.{suffix}", None, links={f"box.{suffix}": link})
    for target in (f"../{CANARY}", "/", "..", "."):
        yield HostileMesh("link to a folder", "box.gltf", gltf(uri="sub/numbers.bin"), links={"sub": target})
        yield HostileMesh(
            "link to a folder",
            "box.obj",
            obj(library="sub/colours.mtl"),
            must_fail=False,
            links={"sub": target},
        )
        yield HostileMesh(
            "link to a folder",
            "box.gltf",
            gltf(image="sub/picture.png"),
            must_fail=False,
            links={"sub": target},
        )


def special():
    """Pipes, sockets and folders: nothing waits for them."""
    for kind in ("pipe", "folder", "socket"):
        for suffix in ("obj", "ply", "stl", "off", "gltf", "glb", "3mf", "dae", "fbx"):
            yield HostileMesh("no file", f"box.{suffix}", None, special=kind, says="not a file")
        yield HostileMesh(
            "no file", "box.gltf", gltf(uri="odd.bin"), special=f"{kind} odd.bin", says="not a file"
        )
        yield HostileMesh(
            "no file", "box.gltf", gltf(image="odd.png"), must_fail=False, special=f"{kind} odd.png"
        )
        yield HostileMesh(
            "no file", "box.obj", obj(library="odd.mtl"), must_fail=False, special=f"{kind} odd.mtl"
        )
        yield HostileMesh(
            "no file", "box.dae", dae(texture="odd.png"), must_fail=False, special=f"{kind} odd.png"
        )
    many = "".join(f"mtllib missing{n}.mtl\n" for n in range(3000))
    yield HostileMesh("many references", "box.obj", obj(extra=many), must_fail=False)
    document = json.loads(gltf())
    document["buffers"] = [{"byteLength": 1, "uri": f"missing{n}.bin"} for n in range(3000)]
    yield HostileMesh("many references", "box.gltf", json.dumps(document).encode())


def pictures():
    """Textures that are bombs, broken, or of other formats; the model loads without them and says so."""
    honest = png()
    wide = bytearray(png(size=(64, 64)))
    wide[16:24] = (50_000).to_bytes(4, "big") * 2
    bombs = {
        "cut": honest[:40],
        "wide": bytes(wide),
        "huge": png(size=(9000, 9000), mode="1", colour=0),
        "noise": bytes(range(256)) * 4,
        "empty": b"",
        "gif": b"GIF89a" + bytes(100),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "tiff": b"II*\0" + bytes(100),
        "palette": png(mode="P", colour=3),
        "deep": png(mode="I;16", colour=3),
        "grey": png(mode="L", colour=3),
        "alpha": png(mode="RGBA", colour=(1, 2, 3, 4)),
        "large": honest + bytes(21 << 20),
    }
    for data in bombs.values():
        files = {**NEIGHBOURS, "box.png": data}
        for name, make in (("box.obj", obj), ("box.dae", dae)):
            yield HostileMesh("odd picture", name, make(), must_fail=False, files=files)
        if len(data) < 1 << 20:
            yield HostileMesh(
                "odd picture", "box.gltf", gltf(image=data_uri(data)), must_fail=False, files={}
            )
