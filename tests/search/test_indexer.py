"""A folder brought into an index and kept up to date, with real models, processes, a space and a store."""

import os
from contextlib import closing

import numpy as np
import pytest
import torch

from anaglyph.encoders.spaces.open import open_space
from anaglyph.errors import ConfigError, DataError, IndexFormatError
from anaglyph.geometry.load import load_mesh
from anaglyph.geometry.mesh import Mesh
from anaglyph.search import closeness
from anaglyph.search.index_space import ModelChoice, space_of
from anaglyph.search.indexer import Indexed, Scanned, roots_of
from anaglyph.search.indexing import plan_index, update_index
from anaglyph.search.items import Filters
from anaglyph.search.opening import open_store
from anaglyph.search.rebuilding import finish_swap, rebuild_index
from indexed_models import SIZES, brick, options, rows, save_space, write_models
from model_files import write_model

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    return save_space(tmp_path_factory.mktemp("space"))


def run(place, folders, space, *, call=update_index, now=1000, **more):
    values = {"choice": ModelChoice(source=str(space)), "options": options(), **more}
    listen = values.pop("listen", lambda event: None)
    if call is update_index:
        values["owner"] = "test"
    return call(
        str(place), folders, values.pop("choice"), values.pop("options"), root=space.parent, device=CPU,
        now=lambda: now, listen=listen, **values,
    )  # fmt: skip


class Seen:
    """What an index holds at one time."""

    def __init__(self, place, report=None):
        self.report = report
        with closing(open_store(place)) as store:
            self.rows = rows(store)
            self.entries = {entry.item.path: entry for entry in store.every()}
            self.found = [item.path for item in store.select(Filters(), limit=100)]
            self.notes = store.notes()


@pytest.fixture(scope="module")
def first(tmp_path_factory, space):
    """The folder, the place of its index, what it holds, and the events of the run."""
    folder = write_models(tmp_path_factory.mktemp("models"))
    place = tmp_path_factory.mktemp("index") / "index"
    events = []
    [report] = run(place, [folder], space, listen=events.append)
    return folder, place, Seen(place, report), events


def test_every_model_is_an_item_and_every_bad_file_a_problem(first):
    _, _, seen, _ = first
    assert (seen.report.new, seen.report.unusable) == (6, 2)
    assert seen.found == sorted(SIZES)
    states = {path: entry.item.state for path, entry in seen.entries.items()}
    assert states == {
        **dict.fromkeys(SIZES, "ready"), "tables/broken.obj": "problem", "empty.stl": "problem",
    }  # fmt: skip


def test_ids_follow_the_order_of_paths(first):
    entries = first[2].entries
    assert [entries[path].item.id for path in sorted(entries)] == list(range(1, 7))


def test_a_problem_says_category_severity_and_reason(first):
    [problem] = first[2].entries["empty.stl"].item.problems
    assert (problem.category, problem.severity) == ("unreadable", "serious")
    assert problem.reason.startswith("The file is empty.")


def test_the_category_is_the_top_folder(first):
    entries = first[2].entries
    assert entries["chairs/high.ply"].item.facets.category == "chairs"
    assert entries["a.obj"].item.facets.category is None


def test_vectors_are_those_of_the_space_for_cloud_and_views(first, space):
    """From the definition: (p + v) / 2, v the unit mean of the views' unit vectors, one object at a time."""
    from anaglyph.geometry.cameras import view_cameras
    from anaglyph.geometry.normalize import normalized
    from anaglyph.geometry.sample import sample_surface
    from anaglyph.randomness import numpy_generator
    from anaglyph.render.options import RenderOptions
    from anaglyph.render.views import render_views

    folder, _, seen, _ = first
    opened = open_space(space, root=space.parent)
    entry = seen.entries["chairs/high.ply"]
    mesh: Mesh = normalized(load_mesh(folder / "chairs/high.ply"), "sphere")
    sample = sample_surface(mesh, opened.points, generator=numpy_generator("index cloud", entry.item.content))
    cloud = np.concatenate([sample.points, sample.colours / np.float32(255)], axis=1)
    views = render_views(
        mesh, view_cameras("ring8"), options=RenderOptions(size=192, supersampling=1), outputs=("colour",)
    ).colour
    small = views.reshape(8, 16, 12, 16, 12, 3).mean(axis=(2, 4))
    pictures = torch.from_numpy(np.floor(small + 0.5).transpose(0, 3, 1, 2) / 255).float()
    seen_views = opened.pictures(pictures)
    mean = seen_views.mean(dim=0)
    points = opened.shapes(torch.from_numpy(cloud)[None])[0]
    expected = (points + mean / mean.norm()) / 2
    np.testing.assert_allclose(entry.vector, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(entry.views, seen_views.numpy(), atol=1e-3)


def test_events_count_the_files_in_order(first):
    folder, _, _, events = first
    assert events[0] == Scanned(str(folder.resolve()), tasks=6, same=0, gone=0)
    done = [(event.path, event.done, event.tasks) for event in events[1:]]
    paths = sorted([*SIZES, "tables/broken.obj", "empty.stl"])
    assert done == [(path, number, 6) for number, path in enumerate(paths, start=1)]
    assert isinstance(events[-1], Indexed)
    assert events[-1].problems == 2


def test_the_index_notes_its_folder_and_what_is_close(first):
    folder, place, seen, _ = first
    with closing(open_store(place)) as store:
        assert roots_of(store) == (str(folder.resolve()),)
    assert closeness.NOTE in seen.notes


def test_nothing_is_done_twice(first, space):
    folder, place, seen, _ = first
    [report] = run(place, [folder], space)
    assert (report.new, report.changed, report.same) == (0, 0, 6)
    assert Seen(place).rows == seen.rows


@pytest.fixture(scope="module")
def second(tmp_path_factory, space):
    """An index, and the same after one file of each kind of change; tags were given in between."""
    folder = write_models(tmp_path_factory.mktemp("changing"))
    place = tmp_path_factory.mktemp("changed") / "index"
    run(place, [folder], space)
    with closing(open_store(place)) as store:
        ids = {path: row.id for path, row in store.known(str(folder.resolve())).items()}
        with store.writer(owner="test") as writer:
            writer.tag([ids["chairs/low.off"]], add=("kept",))
    before = Seen(place)
    write_model(folder / "a.obj", brick((5.0, 1.0, 1.0)))  # changed
    os.utime(folder / "chairs/high.ply", ns=(1, 1))  # touched
    (folder / "chairs/low.off").rename(folder / "tables/moved.off")
    (folder / "tables/round.obj").unlink()
    write_model(folder / "new.ply", brick((1.0, 1.0, 1.5)))
    plan = plan_index(str(place), [], options())
    [report] = run(place, [], space, now=2000)
    return before, Seen(place, report), plan


def test_a_dry_run_tells_and_does_nothing(second):
    [plan] = second[2]
    assert (plan.new, plan.changed, plan.same) == (2, 2, 2)
    assert plan.gone + plan.perhaps_moved == 2


def test_each_change_is_counted_as_what_it_is(second):
    report = second[1].report
    assert (report.new, report.changed, report.touched, report.moved, report.deleted, report.same) == (
        1, 1, 1, 1, 1, 2,
    )  # fmt: skip


def test_a_changed_file_keeps_its_id_and_gets_new_vectors(second):
    before, after = second[0].entries["a.obj"], second[1].entries["a.obj"]
    assert before.item.id == after.item.id
    assert before.item.content != after.item.content
    assert not np.array_equal(before.vector, after.vector)
    assert after.item.added == 1000


def test_a_touched_file_keeps_everything_but_its_time(second):
    before, after = second[0].entries["chairs/high.ply"], second[1].entries["chairs/high.ply"]
    assert after.item.modified == 1
    assert np.array_equal(before.vector, after.vector)


def test_a_moved_file_keeps_id_vectors_and_tags(second):
    before, after = second[0].entries["chairs/low.off"], second[1].entries["tables/moved.off"]
    assert (before.item.id, before.item.content) == (after.item.id, after.item.content)
    assert after.item.tags == ("kept",)
    assert np.array_equal(before.vector, after.vector)
    assert "chairs/low.off" not in second[1].entries


def test_a_file_that_is_gone_is_marked_and_not_found(second):
    after = second[1]
    assert after.entries["tables/round.obj"].item.state == "deleted"
    assert after.found == ["a.obj", "chairs/high.ply", "new.ply", "tables/moved.off"]


def test_a_folder_that_is_suddenly_empty_is_not_believed(first, space, tmp_path):
    folder, place, seen, _ = first
    kept = folder.rename(tmp_path / "away")
    folder.mkdir()
    try:
        with pytest.raises(DataError, match="--accept-empty"):
            run(place, [folder], space)
    finally:
        folder.rmdir()
        kept.rename(folder)
    assert Seen(place).rows == seen.rows


def test_a_folder_inside_of_another_one_is_refused(first, space):
    folder, place, _, _ = first
    with pytest.raises(DataError, match="lie in one another"):
        run(place, [folder / "chairs"], space)


def test_a_new_index_of_nothing_is_refused_and_leaves_nothing(tmp_path, space):
    with pytest.raises(ConfigError, match="name folders"):
        run(tmp_path / "index", [], space)
    with pytest.raises(DataError, match="absent"):
        run(tmp_path / "index", [tmp_path / "absent"], space)
    assert list(tmp_path.iterdir()) == []


def test_a_stop_writes_what_is_finished_and_the_next_run_ends_with_the_same_rows(first, space, tmp_path):
    folder, _, seen, _ = first
    place, events = tmp_path / "index", []
    [report] = run(place, [folder], space, listen=events.append, stopped=lambda: len(events) > 3)
    assert report.stopped
    assert 0 < len(Seen(place).rows) < 6
    [report] = run(place, [folder], space)
    assert not report.stopped
    assert Seen(place).rows == seen.rows


def test_another_model_is_refused_and_a_rebuild_takes_it_and_keeps_tags(first, space, tmp_path):
    folder, place, seen, _ = first
    other = save_space(tmp_path / "other")
    other.write_bytes(_retrained(tmp_path / "retrained").read_bytes())
    with closing(open_store(place)) as store, store.writer(owner="test") as writer:
        writer.tag([1], add=("mine",))
    with pytest.raises(IndexFormatError, match="--rebuild"):
        run(place, [folder], other)
    [report] = run(place, [], other, call=rebuild_index, options=options(categories=("chair", "table")))
    after = Seen(place)
    assert report.new == 6
    assert {after.entries[path].item.facets.category for path in SIZES} <= {"chair", "table"}
    assert after.entries["a.obj"].item.tags == ("mine",)
    assert not np.array_equal(after.entries["a.obj"].vector, seen.entries["a.obj"].vector)
    assert sorted(path.name for path in place.parent.iterdir()) == ["index"]
    with closing(open_store(place)) as store:
        assert space_of(store, root=other.parent).fingerprint == store.header.fingerprint


def test_a_rebuild_that_was_killed_while_it_swapped_is_put_right(tmp_path):
    (tmp_path / "index.replaced").mkdir()
    (tmp_path / "index.replaced" / "old").touch()
    finish_swap(tmp_path / "index")
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    (tmp_path / "index.replaced").mkdir()
    finish_swap(tmp_path / "index")
    assert [path.name for path in (tmp_path / "index").iterdir()] == ["old"]


def _retrained(folder):
    from space_files import save_run

    folder.mkdir()
    return save_run(folder / "space.safetensors", "mixcon3d", seed=1)
