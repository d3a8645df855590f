"""Every real 3D model reads or is refused by name, and is drawn by every back-end that works here."""

import csv
from functools import cache

import numpy as np
import pytest

from anaglyph.errors import MeshError
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.load import SUPPORTED, MeshReaders
from anaglyph.geometry.normalize import normalized
from anaglyph.render.backends import BACKENDS, explain
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views

FOLDERS = ("cc0_objects/meshes", "shapenet_sample", "format_samples", "modelnet40_aligned/ply_original")


@cache
def models(root):
    """Path -> mesh, or the error, of every model file below the folders of real meshes."""
    paths = sorted(
        path for folder in FOLDERS for path in (root / folder).rglob("*") if path.suffix in SUPPORTED
    )
    with MeshReaders(2, root=root) as readers:
        return dict(readers.load_many(paths))


def test_every_file_reads_and_the_broken_one_and_the_clouds_are_refused_by_name(shared_data):
    found = models(shared_data)
    counts = {folder: sum(path.is_relative_to(shared_data / folder) for path in found) for folder in FOLDERS}
    assert counts == {
        "cc0_objects/meshes": 682,
        "shapenet_sample": 26,
        "format_samples": 32,
        "modelnet40_aligned/ply_original": 120,
    }
    refused = {path for path, mesh in found.items() if isinstance(mesh, MeshError)}
    clouds = {path for path in found if "ply_original" in path.parts}
    assert {path.name for path in refused - clouds} == {"popsicle-chocolate.gltf"}
    assert clouds <= refused
    for path in refused:
        assert str(path) in str(found[path])
    assert all("no faces" in found[path].reason for path in clouds)


def test_counts_of_faces_are_those_of_the_manifests(shared_data):
    found = models(shared_data)
    for folder, name, column in (("cc0_objects", "mesh", "faces"), ("shapenet_sample", "obj", "faces")):
        with (shared_data / folder / "manifest.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                mesh = found[shared_data / folder / row[name]]
                dropped = any("face" in note for note in mesh.notes)
                assert len(mesh.faces) == int(row[column]) or dropped, row[name]


@cache
def drawn(root, backend):
    """Path -> (gray, mask) of every usable model, from one side."""
    cameras, options = view_cameras("ring12")[1:2], RenderOptions(size=48, backend=backend)
    pictures = {}
    for path, mesh in models(root).items():
        if not isinstance(mesh, MeshError):
            views = render_views(normalized(mesh, "sphere"), cameras, options=options)
            pictures[path] = views.gray[0].astype(float), views.mask[0] > 127
    return pictures


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_model_is_drawn_and_looks_the_same_as_with_the_built_in_renderer(shared_data, backend):
    reason = explain(backend)
    if reason:
        pytest.skip(reason)
    pictures, plain = drawn(shared_data, backend), drawn(shared_data, "torch")
    assert len(pictures) == 682 + 26 + 31
    for path, (gray, inside) in pictures.items():
        wanted_gray, wanted = plain[path]
        assert wanted.any(), path
        either = (inside | wanted).sum()
        # Of a thing of 80 pixels one on the border is already more than a hundredth.
        assert (inside ^ wanted).sum() <= max(0.01 * either, 1), path
        assert np.abs(gray - wanted_gray).mean() < 2, path
