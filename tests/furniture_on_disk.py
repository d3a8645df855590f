"""Small real files for tests of data sets: OBJ models, pictures in odd formats, annotations."""

import json

import numpy as np
from PIL import Image

QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))


def boxes(*ranges):
    """OBJ text of axis-aligned boxes, each ((x0, x1), (y0, y1), (z0, z1))."""
    lines = []
    for number, (xs, ys, zs) in enumerate(ranges):
        lines += [f"v {x} {y} {z}" for x in xs for y in ys for z in zs]
        lines += ["f " + " ".join(str(8 * number + corner + 1) for corner in quad) for quad in QUADS]
    return "\n".join(lines) + "\n"


def corners(*ranges):
    """(N, 3) vertices of `boxes`."""
    return np.array([(x, y, z) for xs, ys, zs in ranges for x in xs for y in ys for z in zs])


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_json(path, value):
    write(path, json.dumps(value))


def write_picture(path, pixels, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    (image.convert(mode) if mode else image).save(path)


def disc(width, height, *, centre, radius):
    """(height, width) mask of a disc, 0 or 255."""
    y, x = np.mgrid[:height, :width] + 0.5
    return np.where((x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2, 255, 0).astype(np.uint8)


def photograph(mask, *, inside, outside=(20, 200, 30)):
    """(H, W, 3) one colour where the mask is and another where it is not."""
    return np.where(mask[..., None] > 127, np.array(inside), np.array(outside)).astype(np.uint8)
