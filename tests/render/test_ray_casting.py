"""The ray-casting back-end's own matters: where rays begin, bands of them, threads."""

import numpy as np
import pytest
import torch

from anaglyph.errors import MissingExtraError
from anaglyph.geometry.cameras import Camera, orbit
from anaglyph.render import ray_casting
from reference.first_face import ray
from scenes import SCENES

CAMERAS = (orbit(30, 30), orbit(200, 10))
FLAT = Camera(position=(1.0, 1.5, 2.0), height=2.2)


@pytest.fixture
def embree():
    pytest.importorskip("embreex")


@pytest.mark.parametrize("camera", [CAMERAS[0], FLAT])
def test_rays_go_through_the_centres_of_pixels_from_the_near_plane_on(camera):
    origins, directions = ray_casting._rays(camera, slice(3, 5), 7)
    for index, (row, column) in enumerate((row, column) for row in (3, 4) for column in range(7)):
        origin, direction, near = ray(camera, column, row, 7)
        np.testing.assert_allclose(directions[index], direction, atol=1e-6)
        np.testing.assert_allclose(origins[index], origin + near * direction, atol=1e-6)


@pytest.mark.parametrize("rays", [1, 64, 1000])
def test_bands_of_rays_and_threads_change_nothing(embree, monkeypatch, rays):
    mesh = SCENES["chair"]()
    whole = ray_casting.faces_seen(mesh.vertices, mesh.faces, CAMERAS, size=40)
    monkeypatch.setattr(ray_casting, "RAYS", rays)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    np.testing.assert_array_equal(ray_casting.faces_seen(mesh.vertices, mesh.faces, CAMERAS, size=40), whole)


def test_without_the_package_the_install_line_is_named(monkeypatch):
    monkeypatch.setattr(ray_casting.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"back-end 'embree' .* pip install 'anaglyph\[render\]'"):
        ray_casting.require()
