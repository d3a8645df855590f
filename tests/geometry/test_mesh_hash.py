from dataclasses import replace

import numpy as np
import pytest

from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.geometry.mesh_hash import mesh_hash

TEXTURE = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


def looked_at(**changes):
    parts = {
        "vertices": np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=np.float32),
        "faces": np.array([[0, 1, 2]], dtype=np.int32),
        "vertex_colours": np.full((3, 3), 7, dtype=np.uint8),
        "corner_uv": np.zeros((1, 3, 2), dtype=np.float32),
        "face_material": np.zeros(1, dtype=np.int32),
        "materials": (Material(name="red", colour=(1, 0, 0), texture=TEXTURE), Material()),
    }
    return Mesh(**{**parts, **changes})


RED = looked_at().materials[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"vertices": np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0]], dtype=np.float32)},
        {"faces": np.array([[0, 2, 1]], dtype=np.int32)},
        {"vertex_colours": np.full((3, 3), 8, dtype=np.uint8)},
        {"vertex_colours": None},
        {"corner_uv": np.ones((1, 3, 2), dtype=np.float32)},
        {"corner_uv": None},
        {"face_material": np.ones(1, dtype=np.int32)},
        {"face_material": None},
        {"materials": (replace(RED, colour=(1, 0, 0.001)), Material())},
        {"materials": (replace(RED, texture=TEXTURE + 1), Material())},
        {"materials": (replace(RED, texture=TEXTURE.reshape(1, 4, 3)), Material())},
        {"materials": (replace(RED, texture=None), Material())},
        {"up": "z"},
    ],
)
def test_whatever_a_picture_shows_changes_the_hash(changes):
    assert mesh_hash(looked_at(**changes)) != mesh_hash(looked_at())


def test_names_and_notes_do_not_change_the_hash():
    other = looked_at(materials=(replace(RED, name="crimson"), Material()), notes=("repaired",))
    assert mesh_hash(other) == mesh_hash(looked_at())
