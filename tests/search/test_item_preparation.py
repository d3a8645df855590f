"""What is made of one model before it is embedded."""

import io

import numpy as np
import pytest
from PIL import Image

from anaglyph.geometry.content_hash import content_hash
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.mesh_limits import MeshLimits
from anaglyph.search.preparation import Preparation, Prepared, Same, Unusable, prepare
from anaglyph.search.preparers import Job, Preparers
from indexed_models import brick
from model_files import write_broken, write_model

SETTINGS = Preparation(points=64, grey=0.25, pixels=16, views="faces6")


@pytest.fixture(scope="module")
def readers():
    with MeshReaders() as opened:
        yield opened


def made(path, readers, *, settings=SETTINGS, **more):
    return prepare(path, root=path.parent, settings=settings, readers=readers, **more)


def test_a_cloud_lies_in_the_unit_sphere_and_has_the_colours_of_the_model(tmp_path, readers):
    cloud = made(write_model(tmp_path / "a.ply"), readers).cloud
    assert cloud.shape == (64, 6)
    assert np.linalg.norm(cloud[:, :3], axis=1).max() <= 1.0 + 1e-6
    np.testing.assert_allclose(cloud[:, 3:], np.tile(np.array([200, 30, 60]) / 255, (64, 1)), atol=1e-6)


def test_a_model_without_colours_gets_the_grey_that_its_space_wants(tmp_path, readers):
    assert (made(write_model(tmp_path / "a.obj"), readers).cloud[:, 3:] == 0.25).all()


def test_pictures_and_thumbnail_show_the_model_from_each_camera(tmp_path, readers):
    found = made(write_model(tmp_path / "a.ply"), readers)
    assert (found.pictures.shape, found.pictures.dtype) == ((6, 3, 16, 16), np.uint8)
    assert (found.pictures[:, :, 8, 8] < 250).any(axis=1).all()  # something stands in the middle
    assert (found.pictures[:, :, 0, 0] == 255).all()  # and nothing in the corner
    strip = Image.open(io.BytesIO(found.thumbnail))
    assert (strip.format, strip.size) == ("PNG", (6 * 160, 160))


def test_without_an_image_tower_there_is_a_thumbnail_and_no_picture(tmp_path, readers):
    found = made(write_model(tmp_path / "a.obj"), readers, settings=Preparation(points=8, pixels=0))
    assert found.pictures is None
    assert Image.open(io.BytesIO(found.thumbnail)).size == (8 * 160, 160)


def test_all_of_it_follows_from_the_content_wherever_it_lies(tmp_path, readers):
    first, second = (made(write_model(tmp_path / name), readers) for name in ("a/x.obj", "b/y.obj"))
    assert first.content == second.content
    assert np.array_equal(first.cloud, second.cloud)
    assert np.array_equal(first.pictures, second.pictures)
    assert first.thumbnail == second.thumbnail


def test_facets_are_those_of_the_mesh(tmp_path, readers):
    facets = made(write_model(tmp_path / "a.OBJ".lower(), brick((1.0, 4.0, 2.0))), readers).facets
    assert (facets.format, facets.vertices, facets.faces) == ("obj", 8, 12)
    assert facets.size == pytest.approx((1.0, 4.0, 2.0))
    assert facets.proportions == pytest.approx(2.0)
    assert facets.area == pytest.approx(2 * (4 + 2 + 8))
    assert facets.volume == pytest.approx(8.0)
    assert (facets.watertight, facets.coloured, facets.textured) == (True, False, False)


def test_content_that_is_excepted_needs_no_work(tmp_path, readers):
    path = write_model(tmp_path / "a.obj")
    content = content_hash(path, root=tmp_path)
    assert made(path, readers, unless=("other", content)) == Same(content=content)
    assert isinstance(made(path, readers, unless=("other",)), Prepared)


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("empty.stl", "", "unreadable"),
        ("points.obj", "v 0 0 0\nv 1 0 0\n", "no_faces"),
        ("flat.obj", "v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "no_area"),
        ("text.glb", "no model", "unreadable"),
    ],
)
def test_what_cannot_be_used_says_so_by_a_name(tmp_path, readers, name, content, fault):
    (tmp_path / name).write_text(content)
    found = made(tmp_path / name, readers)
    assert isinstance(found, Unusable)
    assert found.error.fault == fault


def test_a_model_beyond_the_limits_is_too_large(tmp_path):
    path = write_model(tmp_path / "a.obj")
    settings = Preparation(points=8, pixels=0, limits=MeshLimits(faces=11))
    with MeshReaders(limits=settings.limits) as small:
        assert made(path, small, settings=settings).error.fault == "too_large"
        assert isinstance(made(path, small), Unusable)
    exact = Preparation(points=8, pixels=0, limits=MeshLimits(faces=12))
    with MeshReaders(limits=exact.limits) as enough:
        assert isinstance(made(path, enough, settings=exact), Prepared)


def test_processes_give_what_this_process_gives_in_the_order_of_the_files(tmp_path, readers):
    names = ["a.obj", "broken.obj", "b.ply"]
    write_model(tmp_path / "a.obj")
    write_broken(tmp_path / "broken.obj")
    write_model(tmp_path / "b.ply")
    with Preparers(1, SETTINGS) as preparers:
        jobs = [Job(name, tmp_path / name, tmp_path) for name in names]
        found = list(preparers.in_order(jobs))
        killed = preparers.processes_now()
        for pid in killed:
            _end(pid)
        again = preparers.prepare(jobs[0])  # the file is not to blame for a process that is gone
    assert [job.tag for job, _ in found] == names
    assert isinstance(found[1][1], Unusable)
    for name, outcome in (("a.obj", found[0][1]), ("b.ply", found[2][1]), ("a.obj", again)):
        here = made(tmp_path / name, readers)
        assert (outcome.content, outcome.facets, outcome.problems) == (
            here.content,
            here.facets,
            here.problems,
        )
        assert np.array_equal(outcome.cloud, here.cloud)
        assert np.array_equal(outcome.pictures, here.pictures)
        assert outcome.thumbnail == here.thumbnail


def test_a_file_that_takes_too_long_is_a_problem_of_that_file(tmp_path):
    write_model(tmp_path / "a.obj")
    slow = Preparation(points=8, pixels=0, limits=MeshLimits(seconds=1e-6), work_seconds=1e-6)
    with Preparers(1, slow) as preparers:
        outcome = preparers.prepare(Job("a", tmp_path / "a.obj", tmp_path))
    assert outcome.error.fault == "timeout"


def _end(pid):
    import os
    import signal

    os.kill(pid, signal.SIGKILL)
