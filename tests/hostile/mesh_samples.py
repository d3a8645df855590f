"""One small, honest file of every 3D format, made in code: a unit box, textured where the format can."""

import base64
import io
import json
import struct
import zipfile

import numpy as np
from PIL import Image

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float32)
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([t for a, b, c, d in QUADS for t in ((a, b, c), (a, c, d))], dtype=np.uint16)


def png(colour=(200, 30, 60), size=(4, 4), mode="RGB"):
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "PNG")
    return stream.getvalue()


def obj(*, library="box.mtl", vertices=CORNERS, quads=QUADS, extra=""):
    lines = [f"mtllib {library}", "usemtl paint"]
    lines += ["v " + " ".join(map(str, row)) for row in vertices]
    lines += ["vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1"]
    lines += ["f " + " ".join(f"{row + 1}/{n + 1}" for n, row in enumerate(quad)) for quad in quads]
    return ("\n".join(lines) + "\n" + extra).encode()


def mtl(*, texture="box.png", colour="0.5 0.25 1"):
    return f"newmtl paint\nKd {colour}\nmap_Kd {texture}\n".encode()


def off(*, vertices=CORNERS, quads=QUADS, counts=None):
    first, second = counts or (len(vertices), len(quads))
    lines = ["OFF", f"{first} {second} 0"]
    lines += [" ".join(map(str, row)) for row in vertices]
    lines += [f"{len(quad)} " + " ".join(map(str, quad)) for quad in quads]
    return ("\n".join(lines) + "\n").encode()


def ply(order="ascii", *, vertices=CORNERS, quads=QUADS, counts=None, comment=""):
    first, second = counts or (len(vertices), len(quads))
    head = f"ply\nformat {order} 1.0\n" + (f"comment {comment}\n" if comment else "")
    head += f"element vertex {first}\nproperty float x\nproperty float y\nproperty float z\n"
    head += "property float u\nproperty float v\n"
    head += f"element face {second}\nproperty list uchar int vertex_indices\nend_header\n"
    if order == "ascii":
        rows = [" ".join(map(str, (*row, row[0], row[1]))) for row in vertices]
        rows += [f"{len(quad)} " + " ".join(map(str, quad)) for quad in quads]
        return (head + "\n".join(rows) + "\n").encode()
    sign = "<" if "little" in order else ">"
    body = b"".join(struct.pack(f"{sign}5f", *row, row[0], row[1]) for row in vertices)
    body += b"".join(struct.pack(f"{sign}B{len(quad)}i", len(quad), *quad) for quad in quads)
    return head.encode() + body


def stl(*, vertices=CORNERS, count=None):
    head = b"box".ljust(80) + struct.pack("<I", len(FACES) if count is None else count)
    return head + b"".join(
        struct.pack("<12fH", 0, 0, 0, *vertices[a], *vertices[b], *vertices[c], 0) for a, b, c in FACES
    )


def stl_text(*, vertices=CORNERS):
    facets = []
    for face in FACES:
        corners = "\n".join("vertex " + " ".join(map(str, vertices[row])) for row in face)
        facets.append(f"facet normal 0 0 0\nouter loop\n{corners}\nendloop\nendfacet")
    return ("solid box\n" + "\n".join(facets) + "\nendsolid box\n").encode()


def gltf_document(*, uri=None, image=None, vertices=CORNERS, faces=FACES):
    """The JSON and the binary data of a glTF file with a texture and one node."""
    faces = np.asarray(faces)
    kind = {np.uint8: 5121, np.uint16: 5123, np.uint32: 5125}[faces.dtype.type]
    uv = np.asarray(vertices, np.float32)[:, :2]
    blob = np.asarray(vertices, "<f4").tobytes() + uv.astype("<f4").tobytes() + faces.tobytes()
    sizes = [len(vertices) * 12, len(vertices) * 8, faces.nbytes]
    starts = [0, sizes[0], sizes[0] + sizes[1]]
    document = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "translation": [1.0, 2.0, 3.0], "children": [1]}, {"name": "empty"}],
        "meshes": [
            {
                "primitives": [
                    {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0, "mode": 4}
                ]
            }
        ],
        "materials": [
            {
                "name": "paint",
                "pbrMetallicRoughness": {
                    "baseColorFactor": [0.5, 0.25, 1.0, 1.0],
                    "baseColorTexture": {"index": 0, "texCoord": 0},
                },
            }
        ],
        "textures": [{"source": 0}],
        "images": [{"uri": data_uri(png(), "image/png") if image is None else image}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": len(vertices), "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": len(vertices), "type": "VEC2"},
            {"bufferView": 2, "componentType": kind, "count": faces.size, "type": "SCALAR"},
        ],
        "bufferViews": [
            {"buffer": 0, "byteOffset": start, "byteLength": size}
            for start, size in zip(starts, sizes, strict=True)
        ],
        "buffers": [{"byteLength": len(blob), "uri": data_uri(blob) if uri is None else uri}],
    }
    return document, blob


def data_uri(data, kind="application/octet-stream"):
    return f"data:{kind};base64," + base64.b64encode(data).decode()


def gltf(**options):
    return json.dumps(gltf_document(**options)[0]).encode()


def glb(**options):
    document, blob = gltf_document(**options)
    del document["buffers"][0]["uri"]
    return glb_of(json.dumps(document).encode(), blob)


def glb_of(text, blob):
    text += b" " * (-len(text) % 4)
    blob += b"\0" * (-len(blob) % 4)
    length = 12 + 8 + len(text) + 8 + len(blob)
    head = struct.pack("<5I", 0x46546C67, 2, length, len(text), 0x4E4F534A)
    return head + text + struct.pack("<2I", len(blob), 0x004E4942) + blob


def three_mf_model(*, vertices=CORNERS, faces=FACES, build='<item objectid="1"/>', objects=""):
    rows = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in vertices)
    triangles = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in faces)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><model unit="millimeter" '
        'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>'
        f'<object id="1" type="model"><mesh><vertices>{rows}</vertices><triangles>{triangles}</triangles>'
        f"</mesh></object>{objects}</resources><build>{build}</build></model>"
    ).encode()


def zipped(members, *, compression=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return stream.getvalue()


def three_mf(**options):
    return zipped({"3D/3dmodel.model": three_mf_model(**options), "_rels/.rels": b"<Relationships/>"})


def dae(*, vertices=CORNERS, faces=FACES, texture="box.png", up="Z_UP", nodes=None, head=""):
    numbers = " ".join(str(value) for row in vertices for value in row)
    indices = " ".join(str(value) for value in np.asarray(faces).reshape(-1))
    instance = (
        '<instance_geometry url="#box"><bind_material><technique_common>'
        '<instance_material symbol="paint" target="#paint"/></technique_common></bind_material>'
        "</instance_geometry>"
    )
    nodes = nodes or f'<node id="n">{instance}</node>'
    return f"""<?xml version="1.0" encoding="utf-8"?>{head}
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><created>2020-01-01T00:00:00</created><modified>2020-01-01T00:00:00</modified>
<unit name="meter" meter="1"/><up_axis>{up}</up_axis></asset>
<library_images><image id="picture"><init_from>{texture}</init_from></image></library_images>
<library_effects><effect id="effect"><profile_COMMON>
<newparam sid="surface"><surface type="2D"><init_from>picture</init_from></surface></newparam>
<newparam sid="sampler"><sampler2D><source>surface</source></sampler2D></newparam>
<technique sid="common"><phong>
<diffuse><texture texture="sampler" texcoord="UV"/></diffuse></phong></technique>
</profile_COMMON></effect></library_effects>
<library_materials><material id="paint" name="paint"><instance_effect url="#effect"/></material>
</library_materials>
<library_geometries><geometry id="box"><mesh>
<source id="p"><float_array id="pa" count="{3 * len(vertices)}">{numbers}</float_array>
<technique_common><accessor source="#pa" count="{len(vertices)}" stride="3">
<param name="X" type="float"/><param name="Y" type="float"/><param name="Z" type="float"/>
</accessor></technique_common></source>
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<triangles count="{len(faces)}" material="paint"><input semantic="VERTEX" source="#v" offset="0"/>
<p>{indices}</p></triangles></mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene id="s">{nodes}</visual_scene></library_visual_scenes>
<scene><instance_visual_scene url="#s"/></scene></COLLADA>""".encode()


def fbx(*, vertices=CORNERS, quads=QUADS, announced=None, texture=""):
    numbers = ",".join(str(value) for row in vertices for value in row)
    corners = ",".join(str(v if n < len(quad) - 1 else -v - 1) for quad in quads for n, v in enumerate(quad))
    first, second = announced or (3 * len(vertices), sum(map(len, quads)))
    picture = f"""	Texture: 400, "Texture::t", "" {{
		FileName: "{texture}"
		RelativeFilename: "{texture}"
	}}
"""
    links = '	C: "OO",300,200\n' + ('	C: "OP",400,300, "DiffuseColor"\n' if texture else "")
    return f"""; FBX 7.3.0 project file
FBXHeaderExtension:  {{
	FBXHeaderVersion: 1003
	FBXVersion: 7300
}}
GlobalSettings:  {{
	Version: 1000
	Properties70:  {{
		P: "UpAxis", "int", "Integer", "",2
		P: "UpAxisSign", "int", "Integer", "",1
	}}
}}
Objects:  {{
	Geometry: 100, "Geometry::box", "Mesh" {{
		Vertices: *{first} {{
			a: {numbers}
		}}
		PolygonVertexIndex: *{second} {{
			a: {corners}
		}}
		GeometryVersion: 124
	}}
	Model: 200, "Model::box", "Mesh" {{
		Version: 232
	}}
	Material: 300, "Material::paint", "" {{
		Version: 102
		Properties70:  {{
			P: "DiffuseColor", "Color", "", "A",0.5,0.25,1
		}}
	}}
{picture if texture else ""}}}
Connections:  {{
	C: "OO",200,0
	C: "OO",100,200
{links}}}
""".encode()


NEIGHBOURS = {"box.mtl": mtl(), "box.png": png()}
"""What the honest files refer to."""

HONEST = {
    "box.obj": obj,
    "box.off": off,
    "box.ply": ply,
    "little.ply": lambda: ply("binary_little_endian"),
    "big.ply": lambda: ply("binary_big_endian"),
    "box.stl": stl,
    "text.stl": stl_text,
    "box.gltf": gltf,
    "box.glb": glb,
    "box.3mf": three_mf,
    "box.dae": dae,
    "box.fbx": fbx,
}
"""File name -> function that makes its bytes; each is a box of area 6."""
