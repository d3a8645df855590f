"""A folder brought into an index and kept up to date, with real models, processes, a space and a store."""

import os
import shutil
import sqlite3
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
from anaglyph.search.index_swap import finish_swap
from anaglyph.search.indexer import ROOTS, Indexed, Scanned, _note_root, roots_of
from anaglyph.search.indexing import plan_index, update_index
from anaglyph.search.items import Filters
from anaglyph.search.opening import create_store, open_store
from anaglyph.search.rebuilding import rebuild_index
from anaglyph.search.scanner import Shard
from anaglyph.search.writer_lock import writer_lock
from indexed_models import SIZES, brick, options, rows, save_space, write_models
from model_files import write_model
from store_items import header

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
    """From the definition, one object: p + v at length 1, v the unit mean of the views' unit vectors."""
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
    expected = points + mean / mean.norm()
    expected /= expected.norm()
    np.testing.assert_allclose(entry.vector, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(entry.views, seen_views.numpy(), atol=1e-3)


def test_vectors_have_length_one_so_that_nothing_comes_before_what_a_query_is_equal_to(first):
    with closing(open_store(first[1])) as store:
        ids, vectors = store.vectors()
        assert np.abs(np.linalg.norm(vectors.astype(np.float64), axis=1) - 1.0).max() < 1e-7
        for id, vector in zip(ids.tolist(), vectors, strict=True):
            assert store.nearest(vector, filters=Filters(), limit=1)[0][0] == id


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


def test_a_file_that_was_gone_for_a_run_comes_back_elsewhere_with_all_that_was_its_own(
    first, space, tmp_path
):
    """As where a disk was away, or one shard runs after the other."""
    folder, place, seen, _ = first
    place = shutil.copytree(place, tmp_path / "index")
    with closing(open_store(place)) as store, store.writer(owner="test") as writer:
        writer.tag([seen.entries["a.obj"].item.id], add=("mine",))
    kept = (folder / "a.obj").rename(tmp_path / "a.obj")
    (folder / "chairs/high.ply").rename(tmp_path / "high.ply")
    low = folder / "chairs/low.off"
    low.rename(tmp_path / "low.off")
    try:
        run(place, [], space)
        kept = kept.rename(folder / "z.obj")
        low.write_text(
            (tmp_path / "low.off").read_text().replace("0.25", "0.35")
        )  # as large as before, but another model
        [report] = run(place, [], space)
    finally:
        kept.rename(folder / "a.obj")
        (tmp_path / "high.ply").rename(folder / "chairs/high.ply")
        (tmp_path / "low.off").replace(low)
    after, before = Seen(place), seen.entries
    item = after.entries["z.obj"].item
    assert (report.moved, report.new, report.deleted) == (1, 1, 0)
    assert (item.id, item.tags, item.state) == (before["a.obj"].item.id, ("mine",), "ready")
    assert after.found == ["chairs/low.off", "tables/round.obj", "z.obj"]
    assert after.entries["chairs/low.off"].item.content != before["chairs/low.off"].item.content


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


def test_of_several_folders_one_that_is_empty_keeps_no_other_from_its_turn(first, space, tmp_path):
    folder, place, seen, _ = first
    place = shutil.copytree(place, tmp_path / "index")
    (tmp_path / "more").mkdir()
    with closing(open_store(place)) as store:
        _note_root(store, OneAtATime(store), str(tmp_path / "more"))
    kept = folder.rename(tmp_path / "away")
    folder.mkdir()
    try:
        reports = run(place, [], space)
    finally:
        folder.rmdir()
        kept.rename(folder)
    assert ["--accept-empty" in report.trouble for report in reports] == [True, False]
    assert Seen(place).rows == seen.rows


def test_a_folder_that_is_gone_is_forgotten_when_all_shards_have_seen_it(first, space, tmp_path):
    folder, place, _, _ = first
    place = shutil.copytree(place, tmp_path / "index")
    kept = folder.rename(tmp_path / "away")
    try:
        for number in (1, 2):
            with closing(open_store(place)) as store:
                assert roots_of(store) == (str(folder.resolve()),)
            run(place, [], space, options=options(accept_empty=True, shard=Shard(number, 2)))
    finally:
        kept.rename(folder)
    assert Seen(place).found == []
    with closing(open_store(place)) as store:
        assert roots_of(store) == ()


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
    place = shutil.copytree(place, tmp_path / "copy" / "index")
    other = save_space(tmp_path / "other")
    other.write_bytes(_retrained(tmp_path / "retrained").read_bytes())
    with closing(open_store(place)) as store, store.writer(owner="test") as writer:
        writer.tag([1], add=("mine",))
    with pytest.raises(IndexFormatError, match="--rebuild"):
        run(place, [folder], other)
    [report] = run(
        place, [], other, call=rebuild_index, options=options(categories=("chair", "table")), now=2000
    )
    after = Seen(place)
    assert {entry.item.added for entry in after.entries.values()} == {1000}
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
    assert [path.name for path in tmp_path.iterdir()] == ["index"]
    assert (tmp_path / "index" / "old").exists()


def test_an_index_that_a_killed_rebuild_left_aside_is_not_begun_anew(first, space, tmp_path):
    folder, place, seen, _ = first
    shutil.copytree(place, tmp_path / "index.replaced")
    [report] = run(tmp_path / "index", [folder], space)
    assert (report.new, report.same) == (0, 6)
    assert Seen(tmp_path / "index").rows == seen.rows


def test_a_swap_that_is_under_way_is_not_meddled_with(tmp_path):
    (tmp_path / "index.replaced").mkdir()
    with (
        writer_lock(tmp_path / "index.replaced", owner="a rebuild"),
        pytest.raises(IndexFormatError, match="a rebuild"),
    ):
        finish_swap(tmp_path / "index")


def test_class_names_that_come_later_hold_for_items_that_are_there(first, space, tmp_path):
    folder, place, seen, _ = first
    shutil.copytree(place, tmp_path / "index")
    run(tmp_path / "index", [folder], space, options=options(categories=("chair", "table")))
    named = Seen(tmp_path / "index").entries
    assert {named[path].item.facets.category for path in SIZES} <= {"chair", "table"}
    assert named["a.obj"].item.facets.category is not None
    run(tmp_path / "index", [folder], space, options=options(categories=()))
    assert Seen(tmp_path / "index").rows == seen.rows


def test_an_indexer_of_another_folder_at_the_same_time_keeps_its_root(tmp_path):
    with closing(create_store(tmp_path / "index", header())) as store:

        class Late:
            """A store whose notes are read before another writer adds its root."""

            def notes(self):
                before = store.notes()
                with store.writer(owner="another") as writer:
                    writer.revise(ROOTS, lambda note: note or '["/models/a"]')
                return before

        with store.writer(owner="test"):
            pass
        _note_root(Late(), OneAtATime(store), "/models/b")
        assert roots_of(store) == ("/models/a", "/models/b")


class OneAtATime:
    """A writer that takes the lock for each call."""

    def __init__(self, store):
        self.store = store

    def __getattr__(self, name):
        def call(*arguments):
            with self.store.writer(owner="test") as writer:
                return getattr(writer, name)(*arguments)

        return call


def test_of_two_indexers_that_find_a_moved_file_twice_one_moves_it_and_one_indexes_it(first, space, tmp_path):
    """As shards in one database do: each found a copy of what is gone."""
    models, _, seen, _ = first
    place = shutil.copytree(first[1], tmp_path / "index")
    shutil.copy2(models / "a.obj", models / "b.obj")
    (models / "a.obj").rename(models / "c.obj")

    def another_is_first(event):
        if isinstance(event, Indexed) and event.path == "b.obj":
            with closing(sqlite3.connect(place / "index.sqlite", isolation_level=None)) as database:
                database.execute("UPDATE items SET path = 'c.obj', folded = 'c.obj' WHERE path = 'a.obj'")

    try:
        [report] = run(place, [models], space, listen=another_is_first)
    finally:
        (models / "b.obj").unlink()
        (models / "c.obj").rename(models / "a.obj")
    assert (report.moved, report.new) == (0, 2)
    after = Seen(place)
    assert after.found == sorted({*SIZES, "b.obj", "c.obj"} - {"a.obj"})
    for path in ("b.obj", "c.obj"):
        assert after.entries[path].item.content == seen.entries["a.obj"].item.content
        assert np.array_equal(after.entries[path].vector, seen.entries["a.obj"].vector)


def test_a_tower_without_its_model_is_refused():
    with pytest.raises(ConfigError, match="--model"):
        ModelChoice(text_tower="clip:folder")


def _retrained(folder):
    from space_files import save_run

    folder.mkdir()
    return save_run(folder / "space.safetensors", "mixcon3d", seed=1)
