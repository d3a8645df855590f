import numpy as np
import pytest
import torch

from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.render.surface import Surface
from reference.surface_colour import slow_colour

CPU = torch.device("cpu")


def any_mesh(rng, *, textures=True, painted=True, materials=True):
    """Twenty faces with everything that can colour them."""
    vertices = rng.uniform(-1, 1, (30, 3)).astype(np.float32)
    faces = rng.integers(0, 30, (20, 3)).astype(np.int32)
    made = tuple(
        Material(
            colour=tuple(rng.uniform(0, 1, 3).tolist()),
            texture=rng.integers(0, 256, (*size, 3)).astype(np.uint8) if size and textures else None,
        )
        for size in ((4, 7), None, (1, 1), (16, 3))
    )
    return Mesh(
        vertices,
        faces,
        vertex_colours=rng.integers(0, 256, (30, 3)).astype(np.uint8) if painted else None,
        corner_uv=rng.uniform(-3, 3, (20, 3, 2)).astype(np.float32),
        face_material=rng.integers(0, 4, 20).astype(np.int32) if materials else None,
        materials=made if materials else (),
    )


def places(rng, count):
    weights = rng.dirichlet(np.ones(3), count)
    return rng.integers(0, 20, count), weights.astype(np.float32)


def colours(mesh, faces, weights, width=0.0):
    widths = torch.full((len(faces),), width)
    found = Surface.of(mesh, CPU).colours(torch.from_numpy(faces), torch.from_numpy(weights.T), widths)
    return found.numpy()


def test_colours_may_be_written_as_whole_numbers():
    texture = np.full((2, 2, 3), 51, np.uint8)
    mesh = Mesh(
        np.eye(3, dtype=np.float32),
        np.array([[0, 1, 2]], np.int32),
        corner_uv=np.zeros((1, 3, 2), np.float32),
        face_material=np.zeros(1, np.int32),
        materials=(Material("white", (1, 1, 1), texture),),
    )
    found = colours(mesh, np.array([0]), np.array([[1.0, 0.0, 0.0]], np.float32))
    np.testing.assert_allclose(found, [[0.2, 0.2, 0.2]], atol=1e-6)


@pytest.mark.parametrize(
    "looks",
    [
        {},
        {"textures": False},
        {"painted": False},
        {"materials": False},
        {"painted": False, "materials": False},
    ],
)
def test_colours_are_those_of_the_slow_twin(looks):
    rng = np.random.default_rng(0)
    mesh = any_mesh(rng, **looks)
    faces, weights = places(rng, 200)
    expected = [slow_colour(mesh, face, row) for face, row in zip(faces, weights, strict=True)]
    np.testing.assert_allclose(colours(mesh, faces, weights), expected, atol=2e-5)


def test_wide_samples_see_the_mean_of_a_texture():
    rng = np.random.default_rng(1)
    mesh = any_mesh(rng, painted=False)
    faces, weights = places(rng, 100)
    found = colours(mesh, faces, weights, width=1e6)
    for face, colour in zip(faces, found, strict=True):
        material = mesh.materials[mesh.face_material[face]]
        mean = 1.0 if material.texture is None else material.texture.mean(axis=(0, 1)) / 255
        np.testing.assert_allclose(colour, np.array(material.colour) * mean, atol=0.06)


def test_texture_coordinates_of_any_size_do_no_harm():
    rng = np.random.default_rng(2)
    mesh = any_mesh(rng)
    for size in (1e10, 3e38):
        far = (rng.choice([-1, 0, 1], mesh.corner_uv.shape) * size).astype(np.float32)
        wild = Mesh(
            mesh.vertices,
            mesh.faces,
            corner_uv=far,
            face_material=mesh.face_material,
            materials=mesh.materials,
        )
        for width in (0.0, 0.01, 1e30):
            found = colours(wild, *places(rng, 100), width=width)
            assert ((found >= 0) & (found <= 1)).all()


def test_arrays_that_cannot_be_written_are_read():
    mesh = any_mesh(np.random.default_rng(3))
    for array in (mesh.vertices, mesh.faces, mesh.corner_uv, mesh.vertex_colours, mesh.face_material):
        array.flags.writeable = False
    rng = np.random.default_rng(4)
    assert colours(mesh, *places(rng, 5)).shape == (5, 3)


def test_nowhere_there_is_no_colour():
    mesh = any_mesh(np.random.default_rng(5))
    none = np.empty(0, np.int64), np.empty((0, 3), np.float32)
    assert colours(mesh, *none).shape == (0, 3)
