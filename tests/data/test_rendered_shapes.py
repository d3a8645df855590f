import pickle

import numpy as np
import pytest

from anaglyph.data.datasets import rendered_shapes
from anaglyph.data.datasets.rendered_shapes import ShapeFile, rendered_repository
from anaglyph.errors import DataError
from anaglyph.geometry.cameras import view_cameras
from anaglyph.geometry.load import MeshReaders
from anaglyph.geometry.normalize import normalized
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


def test_a_file_that_cannot_be_read_stops_by_default(shapes):
    with pytest.raises(DataError, match="box/1"):
        made(shapes, None, max_bad=0)


def test_a_run_that_was_ended_goes_on_where_it_was(shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(rendered_shapes, "_PART", 2)
    cache = tmp_path / "cache"
    calls, ends = [], [4]

    def counted(*arguments, **options):
        calls.append(1)
        if len(calls) == ends[0]:
            raise KeyboardInterrupt
        return render_views(*arguments, **options)

    monkeypatch.setattr(rendered_shapes, "render_views", counted)
    with pytest.raises(KeyboardInterrupt):
        made(shapes, cache)  # box/0 and, of the second part, box/2 and box/3 are done; the third part is not
    assert len(calls) == 4
    ends[0] = 0
    repository = made(shapes, cache)
    assert len(calls) == 5
    np.testing.assert_array_equal(repository.views, made(shapes, None).views)
    assert repository.keys == ("box/0", "box/2", "box/3", "box/4")
    assert len(list(cache.iterdir())) == 1  # the parts are gone


def test_unreadable_files_of_all_parts_are_counted_together(shapes, tmp_path, monkeypatch):
    monkeypatch.setattr(rendered_shapes, "_PART", 2)
    write(shapes[4].path, "no model\n")
    with pytest.raises(DataError, match=r"2 \(box/1, box/4\), 1 are allowed"):
        made(shapes, tmp_path / "cache")
    assert made(shapes, tmp_path / "cache", max_bad=2).keys == ("box/0", "box/2", "box/3")


def test_other_options_and_other_files_never_share_views(shapes, tmp_path):
    first = made(shapes, tmp_path / "cache")
    dark = made(shapes, tmp_path / "cache", options=RenderOptions(size=16, background=0.0))
    assert not np.array_equal(first.views, dark.views)
    write(shapes[0].path, boxes(((0, 3), (0, 1), (0, 0.5))))
    changed = made(shapes, tmp_path / "cache")
    assert not np.array_equal(first.views[0], changed.views[0])
    np.testing.assert_array_equal(first.views[1:], changed.views[1:])
