import logging
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from anaglyph.geometry.cameras import orbit, view_cameras
from anaglyph.render import cache
from anaglyph.render.cache import cached_views, has_views
from anaglyph.render.options import OUTPUTS, RenderOptions
from anaglyph.render.views import render_views
from scenes import box, sphere

CAMERAS = view_cameras("faces6")
SMALL = RenderOptions(size=24)


class Source:
    """Gives a mesh and counts how often it was asked."""

    def __init__(self, mesh=None):
        self.mesh, self.asked = mesh or box([-0.5, -0.3, -0.2], [0.5, 0.3, 0.6]), 0

    def __call__(self):
        self.asked += 1
        return self.mesh


def same(first, second):
    assert first.cameras == second.cameras
    assert (first.backend, first.fingerprint) == (second.backend, second.fingerprint)
    for name in OUTPUTS:
        one, other = getattr(first, name), getattr(second, name)
        assert (one is None) == (other is None)
        if one is not None:
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def entries(folder):
    return sorted(path for path in folder.iterdir())


def test_views_are_made_once_and_come_back_as_they_were(tmp_path):
    source = Source()
    made = cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL, outputs=OUTPUTS)
    kept = cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL, outputs=OUTPUTS)
    assert source.asked == 1
    same(made, kept)
    same(made, render_views(source.mesh, CAMERAS, options=SMALL, outputs=OUTPUTS))


def test_without_a_folder_views_are_made_each_time():
    source = Source()
    same(*(cached_views(None, "abc", source, CAMERAS, options=SMALL) for _ in range(2)))
    assert source.asked == 2


def test_other_content_settings_cameras_and_outputs_have_entries_of_their_own(tmp_path):
    source = Source()
    settings = [
        (content, RenderOptions(size=24, ambient=ambient), cameras, outputs)
        for content in ("abc", "abd")
        for ambient in (0.16, 0.3)
        for cameras in (CAMERAS[:1], CAMERAS[1:2])
        for outputs in ((), ("colour",))
    ]
    for content, options, cameras, outputs in settings:
        views = cached_views(tmp_path, content, source, cameras, options=options, outputs=outputs)
        same(views, render_views(source.mesh, cameras, options=options, outputs=outputs))
    assert source.asked == len(entries(tmp_path)) == len(settings)


def test_the_wish_for_a_back_end_is_no_setting_but_the_back_end_is(tmp_path):
    pytest.importorskip("numba")
    source = Source()
    for backend in ("auto", "numba", "torch"):
        cached_views(tmp_path, "abc", source, CAMERAS, options=RenderOptions(size=24, backend=backend))
    assert source.asked == 2


def test_gray_and_mask_asked_for_or_not_are_the_same_entry(tmp_path):
    source = Source()
    for outputs in ((), ("mask",), ("mask", "gray")):
        cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL, outputs=outputs)
    assert source.asked == 1


def damages():
    def cut(entry):
        path = entry / "gray-0.png"
        path.write_bytes(path.read_bytes()[:-20])

    def flip(entry):
        path = entry / "mask-0.png"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))

    def lose(entry):
        (entry / "gray-0.png").unlink()

    def unfinished(entry):
        (entry / "manifest.json").unlink()

    def wrong_shape(entry):
        (entry / "manifest.json").unlink()
        (entry / "gray-0.png").write_bytes((entry / "mask-0.png").read_bytes())
        cache.Image.new("L", (3, 3)).save(entry / "mask-0.png")
        cache.write_manifest(entry)

    def no_picture(entry):
        (entry / "manifest.json").unlink()
        (entry / "gray-0.png").write_bytes(b"GIF89a nothing")
        cache.write_manifest(entry)

    return [cut, flip, lose, unfinished, wrong_shape, no_picture]


@pytest.mark.parametrize("damage", damages(), ids=lambda damage: damage.__name__)
def test_a_damaged_entry_is_named_removed_and_made_again(tmp_path, caplog, damage):
    source = Source()
    made = cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL)
    (entry,) = entries(tmp_path)
    damage(entry)
    same(made, cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL))
    assert source.asked == 2
    assert entry.name in caplog.text
    caplog.clear()
    same(made, cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL))
    assert source.asked == 2
    assert not caplog.records


def test_a_folder_that_cannot_be_used_is_named_and_the_views_are_made(tmp_path, caplog):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    source = Source()
    views = cached_views(blocked / "views", "abc", source, CAMERAS, options=SMALL)
    same(views, render_views(source.mesh, CAMERAS, options=SMALL))
    assert "are not kept in" in caplog.text
    assert str(blocked) in caplog.text


def test_whoever_comes_second_keeps_what_the_first_has_written(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    source = Source()

    def slow_source():
        cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL)  # another process, meanwhile
        return source.mesh

    second = cached_views(tmp_path, "abc", slow_source, CAMERAS, options=SMALL)
    same(second, cached_views(tmp_path, "abc", source, CAMERAS, options=SMALL))
    assert source.asked == 1
    assert len(entries(tmp_path)) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_many_at_once_end_with_one_good_entry(tmp_path):
    mesh = sphere(12, 24)
    with ThreadPoolExecutor(4) as pool:
        views = list(
            pool.map(lambda _: cached_views(tmp_path, "abc", lambda: mesh, CAMERAS, options=SMALL), range(12))
        )
    assert len(entries(tmp_path)) == 1
    kept = cached_views(tmp_path, "abc", Source(), CAMERAS, options=SMALL)
    for made in views:
        same(made, kept)


def test_pictures_that_do_not_fit_into_one_file_are_spread_over_several(tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_PIXELS", 24 * 24 * 2)
    source = Source()
    cameras = [*CAMERAS, orbit(10, 10)]
    made = cached_views(tmp_path, "abc", source, cameras, options=SMALL, outputs=["colour"])
    (entry,) = entries(tmp_path)
    assert len(list(entry.glob("colour-*.png"))) == 4
    same(made, cached_views(tmp_path, "abc", source, cameras, options=SMALL, outputs=["colour"]))
    assert source.asked == 1


def test_errors_of_the_mesh_leave_nothing_behind(tmp_path):
    def broken():
        raise OSError("no such model")

    with pytest.raises(OSError, match="no such model"):
        cached_views(tmp_path, "abc", broken, CAMERAS, options=SMALL)
    assert not entries(tmp_path)


def test_views_are_there_for_what_they_were_made_from_and_for_nothing_else(tmp_path):
    def there(folder=tmp_path, content="abc", cameras=CAMERAS, options=SMALL, outputs=("gray",)):
        return has_views(folder, content, cameras, options=options, outputs=outputs)

    assert not there()
    cached_views(tmp_path, "abc", Source(), CAMERAS, options=SMALL)
    assert there()
    assert there(outputs=("mask", "gray"))
    assert not there(folder=None)
    assert not there(content="abd")
    assert not there(cameras=CAMERAS[:-1])
    assert not there(options=RenderOptions(size=24, background=0.5))
    assert not there(outputs=("colour",))
