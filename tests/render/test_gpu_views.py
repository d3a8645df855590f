"""The back-end "torch" on a CUDA device: the pictures that it makes on the CPU."""

import numpy as np
import pytest
import torch

from anaglyph.geometry.cameras import Camera, orbit
from anaglyph.geometry.mesh import Material, Mesh
from anaglyph.render.options import OUTPUTS, RenderOptions
from anaglyph.render.views import render_views
from scenes import SCENES, box, joined, mesh_of, sphere

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device; run on a machine with one"),
]
AROUND = (orbit(20, 30), orbit(160, -15), Camera(position=(1.0, 1.5, 2.0), height=2.2))
INSIDE = (Camera(position=(0.1, 0.05, 0.2), target=(0.0, 0.0, -1.0)),)


def painted():
    """A bumpy sphere with vertex colours, one half of it textured."""
    made = sphere(24, 48, bumps=0.2)
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    return Mesh(
        made.vertices,
        made.faces,
        vertex_colours=rng.integers(100, 256, (len(made.vertices), 3)).astype(np.uint8),
        corner_uv=made.vertices[made.faces][:, :, :2].copy(),
        face_material=(np.arange(len(made.faces)) % 2).astype(np.int32),
        materials=(Material("plain", (0.9, 0.5, 0.1)), Material("checked", (1.0, 1.0, 1.0), texture)),
    )


def room():
    """Walls around the camera and a floor that runs behind it: faces cut by the near plane."""
    floor = mesh_of([[-40, -0.3, 50], [40, -0.3, 50], [0, -0.3, -50]], [[0, 1, 2]])
    return joined(box((-0.5, -0.4, -0.6), (0.5, 0.4, 0.6)), floor)


@pytest.mark.parametrize(
    ("mesh", "cameras"),
    [(painted, AROUND), (SCENES["chair"], AROUND), (room, INSIDE)],
    ids=["painted", "chair", "cut by the near plane"],
)
def test_a_gpu_makes_the_pictures_of_the_cpu(mesh, cameras):
    options = RenderOptions(size=96, backend="torch")
    expected, found = (
        render_views(mesh(), cameras, options=options, outputs=OUTPUTS, device=device)
        for device in ("cpu", "cuda")
    )
    assert (expected.mask > 0).mean() > 0.05
    for name in ("gray", "mask", "colour"):
        difference = np.abs(getattr(found, name).astype(int) - getattr(expected, name))
        assert (difference <= 1).mean() > 0.999, name  # the two round sums in their own ways
        assert difference.mean() < 0.1, name
    seen = np.isfinite(expected.depth)
    assert (np.isfinite(found.depth) == seen).mean() > 0.999
    both = seen & np.isfinite(found.depth)
    assert (np.abs(found.depth[both] / expected.depth[both] - 1) < 1e-4).mean() > 0.999
    assert (np.abs(found.normals - expected.normals)[both].max(axis=-1) < 1e-3).mean() > 0.999
