"""A small cc0_objects: eight tetrahedra of two categories with two pictures each."""

import csv

import numpy as np
from PIL import Image

COLUMNS = ("id", "category", "name", "source", "pack", "mesh", "images")
PLY = """ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
element face 4
property list uchar int vertex_indices
end_header
0 0 0 255 0 0
{w} 0 0 255 0 0
0 1 0 0 255 0
0 0 1 0 0 255
3 0 2 1
3 0 1 3
3 0 3 2
3 1 2 3
"""


def write_cc0(root):
    """A data root with eight tetrahedra of two categories; each has two pictures, one of them small."""
    folder = root / "cc0_objects"
    (folder / "meshes").mkdir(parents=True)
    (folder / "images").mkdir()
    rows = []
    for number in range(8):
        name = f"thing{number}"
        (folder / "meshes" / f"{name}.ply").write_text(PLY.format(w=0.5 + 0.2 * number))
        picture = np.zeros((40, 50, 4), dtype=np.uint8)
        picture[8:36, 10:40] = (30 * number, 90, 200, 255)
        Image.fromarray(picture).save(folder / "images" / f"{name}__NE.png")
        picture[12:] = 0
        picture[:, 14:] = 0
        Image.fromarray(picture).save(folder / "images" / f"{name}__Topdown.png")
        images = f"images/{name}__NE.png;images/{name}__Topdown.png"
        rows.append(
            (name, ("cup", "box")[number % 2], f"{name} word", "s", "p", f"meshes/{name}.ply", images)
        )
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return root
