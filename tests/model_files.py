"""Small 3D models as files, for tests of commands."""

import numpy as np

from scenes import box


def obj_text(mesh):
    """A mesh as Wavefront OBJ."""
    lines = [f"v {x} {y} {z}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (mesh.faces + 1).tolist()]
    return "\n".join([*lines, ""])


def off_text(mesh):
    """A mesh as OFF."""
    lines = ["OFF", f"{len(mesh.vertices)} {len(mesh.faces)} 0"]
    lines += [f"{x} {y} {z}" for x, y, z in mesh.vertices.tolist()]
    lines += [f"3 {a} {b} {c}" for a, b, c in mesh.faces.tolist()]
    return "\n".join([*lines, ""])


def ply_text(mesh, colour=(200, 30, 60)):
    """A mesh as PLY, of one colour."""
    lines = ["ply", "format ascii 1.0", f"element vertex {len(mesh.vertices)}"]
    lines += [f"property float {name}" for name in "xyz"]
    lines += [f"property uchar {name}" for name in ("red", "green", "blue")]
    lines += [f"element face {len(mesh.faces)}", "property list uchar int vertex_indices", "end_header"]
    lines += [" ".join(map(str, [*corner, *colour])) for corner in mesh.vertices.tolist()]
    lines += [f"3 {a} {b} {c}" for a, b, c in mesh.faces.tolist()]
    return "\n".join([*lines, ""])


WRITERS = {".obj": obj_text, ".off": off_text, ".ply": ply_text}


def write_model(path, mesh=None):
    """Write a mesh, by default a brick that differs along every axis, in the format of the suffix."""
    mesh = box((-1.0, -0.5, -0.25), (1.0, 0.5, 0.25)) if mesh is None else mesh
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(WRITERS[path.suffix](mesh))
    return path


def write_broken(path):
    """An OBJ with a vertex that is not a number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    return path


def names_below(folder):
    """Relative names of all files below a folder."""
    return sorted(each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file())


def states(folder):
    """Relative name -> time of change and place on the disk of every file: equal where none was written."""
    facts = {name: (folder / name).stat() for name in names_below(folder)}
    return {name: (each.st_mtime_ns, each.st_ino) for name, each in facts.items()}


def pixels(path):
    """A picture as an array."""
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image)
