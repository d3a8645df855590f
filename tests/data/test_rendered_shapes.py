import os
import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from anaglyph.data.datasets.rendered_shapes import ShapeFile, rendered_repository
from anaglyph.errors import DataError
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.normalize import normalized
from anaglyph.render import cache as views_cache
from anaglyph.render.options import RenderOptions
from anaglyph.render.views import render_views
from furniture_on_disk import boxes, write

OPTIONS = RenderOptions(size=16)
WIDTHS = (0.2, 0.5, 0.8, 1.1, 1.4)


@pytest.fixture
def shapes(tmp_path):
    """Five boxes; the second cannot be read."""
    made = []
    for number, width in enumerate(WIDTHS):
        path = tmp_path / f"box{number}.obj"
        write(path, "no model\n" if number == 1 else boxes(((0, width), (0, 1), (0, 0.5))))
        made.append(ShapeFile(key=f"box/{number}", category="box", path=path))
    return made


def made(shapes, cache, **options):
    options = {"category_names": ("box",), "name": "boxes", "options": OPTIONS, "max_bad": 1, **options}
    return rendered_repository(shapes, root=shapes[0].path.parent, cache=cache, **options)


def test_views_are_those_of_the_normalised_model_of_each_good_file(shapes):
    repository = made(shapes, None)
    assert repository.keys == ("box/0", "box/2", "box/3", "box/4")
    with MeshReaders() as readers:
        meshes = [normalized(readers.load(shapes[int(key[-1])].path), "sphere") for key in repository.keys]
    for row, mesh in enumerate(meshes):
        expected = render_views(mesh, view_cameras("ring12"), options=OPTIONS).gray
        np.testing.assert_array_equal(repository.views[row, :, 0], expected)
    np.testing.assert_array_equal(repository.azimuths, np.arange(12) * 30)
    source = pickle.loads(pickle.dumps(repository.meshes))  # loader processes get it
    assert source(1).vertices[:, 0].max() == pytest.approx(WIDTHS[2])


def test_many_meshes_of_a_repository_are_read_by_one_child_process(shapes, monkeypatch):
    repository = made(shapes, None)
    opened = []

    class Counted(MeshReaders):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            opened.append(self)

    monkeypatch.setattr("anaglyph.data.datasets.rendered_shapes.MeshReaders", Counted)
    with repository.meshes.opened() as read:
        widths = [float(np.ptp(read(row).vertices[:, 0])) for row in range(4)]
        (readers,) = opened
        assert readers.processes == 1
        assert all(sandbox.pid is not None for sandbox in readers._pool.sandboxes)
    assert widths == pytest.approx([WIDTHS[0], *WIDTHS[2:]])
    assert all(sandbox.pid is None for sandbox in readers._pool.sandboxes)


def test_a_file_that_cannot_be_read_stops_by_default(shapes):
    with pytest.raises(DataError, match="box/1"):
        made(shapes, None, max_bad=0)


@pytest.fixture
def rendered(monkeypatch):
    """The meshes that were pictured; a run ends by Ctrl-C at the picture whose number is in `end`."""
    meshes, end = [], []

    def counted(mesh, *arguments, **options):
        meshes.append(mesh)
        if len(meshes) in end:
            raise KeyboardInterrupt
        return render_views(mesh, *arguments, **options)

    monkeypatch.setattr(views_cache, "render_views", counted)
    return SimpleNamespace(meshes=meshes, end=end)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_was_ended_goes_on_with_the_shape_where_it_was(shapes, tmp_path, rendered, processes):
    rendered.end.append(3)
    with pytest.raises(KeyboardInterrupt):
        made(shapes, tmp_path / "cache")  # box/0 and box/2 are done
    assert len(rendered.meshes) == 3
    repository = made(shapes, tmp_path / "cache", processes=processes)
    assert len(rendered.meshes) == 5
    np.testing.assert_array_equal(repository.views, made(shapes, None).views)
    assert repository.keys == ("box/0", "box/2", "box/3", "box/4")


def test_views_of_one_shape_that_are_damaged_are_made_again_alone(shapes, tmp_path, rendered):
    rendered.end.append(3)
    cache = tmp_path / "cache"
    with pytest.raises(KeyboardInterrupt):
        made(shapes, cache)
    one = next(path for path in (cache / "views").iterdir() if (path / "gray-0.png").exists())
    (one / "gray-0.png").write_bytes(b"")
    repository = made(shapes, cache)
    assert len(rendered.meshes) == 3 + 3
    np.testing.assert_array_equal(repository.views, made(shapes, None).views)


def test_equal_models_are_pictured_once_here_and_in_other_repositories(shapes, tmp_path, rendered):
    for twin in (3, 4):
        write(shapes[twin].path, shapes[0].path.read_text())
    first = made(shapes, tmp_path / "cache")
    assert len(rendered.meshes) == 2
    np.testing.assert_array_equal(first.views[[2, 3]], first.views[[0, 0]])
    second = made(shapes[2:], tmp_path / "cache", name="others")
    assert len(rendered.meshes) == 2
    np.testing.assert_array_equal(second.views, first.views[1:])


def test_unreadable_files_are_counted_also_when_the_views_are_kept(shapes, tmp_path):
    write(shapes[4].path, "no model\n")
    with pytest.raises(DataError, match=r"2 \(box/1, box/4\), 1 are allowed"):
        made(shapes, tmp_path / "cache")
    for _ in range(2):
        assert made(shapes, tmp_path / "cache", max_bad=2).keys == ("box/0", "box/2", "box/3")
    with pytest.raises(DataError, match=r"2 \(box/1, box/4\), 1 are allowed"):
        made(shapes, tmp_path / "cache")


def test_a_file_that_is_not_there_is_an_unreadable_one_until_it_is(shapes, tmp_path):
    text = shapes[4].path.read_text()
    shapes[4].path.unlink()
    assert made(shapes, tmp_path / "cache", max_bad=2).keys == ("box/0", "box/2", "box/3")
    write(shapes[4].path, text)
    assert made(shapes, tmp_path / "cache").keys == ("box/0", "box/2", "box/3", "box/4")


def write_texture(path, shade):
    Image.fromarray(np.full((4, 4, 3), shade, np.uint8)).save(path, compress_level=0)


@pytest.mark.parametrize("changed", ["material", "texture"])
def test_a_changed_file_that_a_model_refers_to_changes_its_views_alone(tmp_path, rendered, changed):
    """As large as before and with its old date, in a folder of its own."""
    shapes, looks = [], tmp_path / "models" / "looks"
    for number in (0, 1):
        path = tmp_path / "models" / str(number) / "a.obj"
        square = "mtllib ../looks/{0}.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 1 1 0\nvt 0.5 0.5\nf 1/1 2/1 3/1\n"
        write(path, square.format(number))
        write(looks / f"{number}.mtl", f"newmtl m\nKd 0.9 0.1 0.1\nmap_Kd {number}.png\n")
        write_texture(looks / f"{number}.png", 250)
        shapes.append(ShapeFile(key=f"box/{number}", category="box", path=path))

    def views():
        options = {"category_names": ("box",), "name": "squares", "options": OPTIONS, "coloured": True}
        models = tmp_path / "models"
        return np.array(rendered_repository(shapes, root=models, cache=models / "cache", **options).views)

    first = views()
    assert len(rendered.meshes) == 2
    path = looks / ("1.mtl" if changed == "material" else "1.png")
    before = path.stat()
    if changed == "material":
        path.write_text(path.read_text().replace("Kd 0.9 0.1", "Kd 0.1 0.9"))
    else:
        write_texture(path, 90)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    second = views()
    assert len(rendered.meshes) == 3
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[1], second[1])


def test_other_options_and_other_files_never_share_views(shapes, tmp_path):
    first = made(shapes, tmp_path / "cache")
    dark = made(shapes, tmp_path / "cache", options=RenderOptions(size=16, background=0.0))
    assert not np.array_equal(first.views, dark.views)
    write(shapes[0].path, boxes(((0, 3), (0, 1), (0, 0.5))))
    changed = made(shapes, tmp_path / "cache")
    assert not np.array_equal(first.views[0], changed.views[0])
    np.testing.assert_array_equal(first.views[1:], changed.views[1:])
