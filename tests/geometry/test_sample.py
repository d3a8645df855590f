import numpy as np
import pytest
from scipy import stats

from anaglyph.geometry.mesh import Material
from anaglyph.geometry.sample import face_normals, sample_surface
from anaglyph.randomness import numpy_generator
from scenes import box, mesh_of


def draw(mesh, count, seed=0):
    return sample_surface(mesh, count, generator=numpy_generator(seed, "sample"))


def triangles_of_area(*areas):
    """Triangles side by side, each 1 high and twice its area wide."""
    vertices = [
        point
        for i, area in enumerate(areas)
        for point in ([9 * i, 0, 0], [9 * i + 2 * area, 0, 0], [9 * i, 1, 0])
    ]
    return mesh_of(vertices, np.arange(3 * len(areas)).reshape(-1, 3))


def test_faces_are_taken_in_proportion_to_their_area():
    sample = draw(triangles_of_area(1, 3, 2), 6000)
    counts = np.bincount(sample.faces, minlength=3)
    assert stats.chisquare(counts, [1000, 3000, 2000]).pvalue > 0.001


def test_points_are_uniform_within_a_face():
    points = draw(triangles_of_area(0.5), 20000).points.astype(np.float64)  # the unit triangle
    np.testing.assert_allclose(points.mean(axis=0), [1 / 3, 1 / 3, 0], atol=0.01)
    # P(x + y < t) = t^2
    assert stats.kstest(points[:, 0] + points[:, 1], lambda t: t**2).pvalue > 0.001


def test_points_lie_on_their_faces():
    mesh = box((-1, -2, -3), (1, 2, 3))
    sample = draw(mesh, 500)
    normals, _ = face_normals(mesh)
    starts = mesh.vertices[mesh.faces[sample.faces, 0]]
    off = ((sample.points - starts) * normals[sample.faces]).sum(axis=1)
    np.testing.assert_allclose(off, 0, atol=1e-6)
    assert (np.abs(sample.points) <= np.array([1, 2, 3]) + 1e-6).all()


def test_normals_are_unit_and_follow_the_way_round():
    sample = draw(mesh_of([[0, 0, 0], [3, 0, 0], [0, 5, 0]], [[0, 1, 2]]), 4)
    assert sample.normals.tolist() == [[0, 0, 1]] * 4
    flipped = draw(mesh_of([[0, 0, 0], [3, 0, 0], [0, 5, 0]], [[0, 2, 1]]), 4)
    assert flipped.normals.tolist() == [[0, 0, -1]] * 4


@pytest.mark.parametrize("areas", [(0, 1, 0), (0, 0, 1), (1, 0, 0)])
def test_faces_without_an_area_are_never_taken(areas):
    taken = draw(triangles_of_area(*areas), 2000).faces
    assert set(taken.tolist()) == {areas.index(1)}


class AlmostOne:
    """A generator whose numbers are as near to 1 as they come."""

    def random(self, shape):
        return np.full(shape, np.nextafter(1.0, 0.0))


def test_the_largest_draw_falls_on_the_last_face_with_an_area():
    mesh = triangles_of_area(*[0.1] * 7, 0, 0)
    assert set(sample_surface(mesh, 3, generator=AlmostOne()).faces.tolist()) == {6}


def test_a_sample_depends_on_the_generator_alone(untouched_generators):
    mesh = box((0, 0, 0), (1, 1, 1))
    first, second, other = draw(mesh, 50, 3), draw(mesh, 50, 3), draw(mesh, 50, 4)
    np.testing.assert_array_equal(first.points, second.points)
    assert not np.array_equal(first.points, other.points)


def test_colours_come_with_the_points():
    mesh = triangles_of_area(1, 1)
    painted = mesh_of(
        mesh.vertices,
        mesh.faces,
        face_material=np.array([0, 1], np.int32),
        materials=(Material(colour=(1.0, 0.0, 0.0)), Material(colour=(0.0, 0.2, 1.0))),
    )
    sample = draw(painted, 40)
    wanted = np.array([[255, 0, 0], [0, 51, 255]])[sample.faces]
    np.testing.assert_array_equal(sample.colours, wanted)


def test_types_and_shapes_are_as_promised():
    sample = draw(box((0, 0, 0), (1, 1, 1)), 7)
    assert (sample.points.dtype, sample.normals.dtype, sample.colours.dtype) == (
        np.float32,
        np.float32,
        np.uint8,
    )
    assert sample.points.shape == sample.normals.shape == sample.colours.shape == (7, 3)
    assert sample.faces.shape == (7,)


@pytest.mark.parametrize("scale", [1e-38, 1e38])
def test_very_small_and_very_large_meshes_are_sampled(scale):
    sample = draw(mesh_of(np.array([[0, 0, 0], [scale, 0, 0], [0, scale, 0]]), [[0, 1, 2]]), 10)
    assert np.isfinite(sample.points).all()
    assert sample.normals.tolist() == [[0, 0, 1]] * 10


def test_a_mesh_without_a_surface_is_refused_with_its_counts():
    line = mesh_of([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]])
    with pytest.raises(ValueError, match=r"no surface to take points from \(1 faces, total area 0\)"):
        draw(line, 3)
    with pytest.raises(ValueError, match=r"\(0 faces"):
        draw(mesh_of(np.eye(3), np.empty((0, 3))), 3)
    with pytest.raises(ValueError, match="count must be >= 1, got 0"):
        draw(box((0, 0, 0), (1, 1, 1)), 0)
