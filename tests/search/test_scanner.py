"""What a walk finds, and what has become of files since the index saw them."""

import os

import pytest

from anaglyph.errors import ConfigError, DataError
from anaglyph.search.scanner import Found, Shard, Walk, compare, walk
from indexed_models import known


def files(folder, *paths):
    """Write a file of its own size at each path."""
    for number, path in enumerate(paths, start=1):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"x" * number)


def paths(seen):
    return [file.path for file in seen.files]


def seen(*found, **more):
    return Walk("/models", tuple(Found(*each) for each in sorted(found)), **more)


def test_models_of_all_depths_are_found_by_path(tmp_path):
    files(tmp_path, "b.obj", "a/deep/er/c.GLB", "a.ply", "a/B.stl", "notes.txt", "a/picture.png")
    assert paths(walk(tmp_path)) == ["a.ply", "a/B.stl", "a/deep/er/c.GLB", "b.obj"]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    files(tmp_path, ".a.obj", ".anaglyph/b.obj", "c/.git/d.obj", "c/e.obj")
    assert paths(walk(tmp_path)) == ["c/e.obj"]


def test_a_file_comes_with_size_and_time(tmp_path):
    files(tmp_path, "a.obj")
    os.utime(tmp_path / "a.obj", ns=(1, 123_456_789))
    assert walk(tmp_path).files == (Found("a.obj", 1, 123_456_789),)


def test_links_lead_nowhere_outside_of_the_root(tmp_path):
    files(tmp_path, "outside/a.obj", "root/b.obj")
    (tmp_path / "root" / "file.obj").symlink_to(tmp_path / "outside" / "a.obj")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "circle").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "nothing.obj").symlink_to(tmp_path / "absent.obj")
    assert paths(walk(tmp_path / "root")) == ["b.obj"]


def test_a_link_to_a_file_that_is_not_found_otherwise_is_followed_once(tmp_path):
    files(tmp_path, ".objects/blob", "b.obj")
    for name in ("first.obj", "second.obj"):
        (tmp_path / name).symlink_to(tmp_path / ".objects" / "blob")
    (tmp_path / "again.obj").symlink_to(tmp_path / "b.obj")
    assert paths(walk(tmp_path)) == ["b.obj", "first.obj"]


def test_a_file_that_may_not_be_looked_at_is_not_gone():
    found = seen(unreadable=("b.obj", "folder"))
    kept = {"b.obj": known(1), "b.object.obj": known(2), "folder/c.obj": known(3)}
    assert compare(found, kept).gone == (2,)


def test_pipes_and_folders_named_like_models_are_no_models(tmp_path):
    os.mkfifo(tmp_path / "pipe.obj")
    (tmp_path / "folder.obj").mkdir()
    assert paths(walk(tmp_path)) == []


def test_a_name_that_is_no_text_is_told_and_left_out(tmp_path):
    files(tmp_path, "good.obj")
    (tmp_path / os.fsdecode(b"bad\xff.obj")).write_bytes(b"x")
    found = walk(tmp_path)
    assert (paths(found), found.unnameable) == (["good.obj"], ("bad?.obj",))


@pytest.mark.parametrize(
    "name", ["stühle 🪑/e\u0301.obj", "a b/it's.obj", "<script>.obj", "x" * 200 + ".obj"]
)
def test_odd_names_stay_as_they_are(tmp_path, name):
    files(tmp_path, name)
    assert paths(walk(tmp_path)) == [name]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="absent"):
        walk(tmp_path / "absent")


def test_unchanged_files_are_no_work():
    changes = compare(seen(("a.obj", 10, 5)), {"a.obj": known(1)})
    assert (changes.tasks, changes.same, changes.gone) == ((), 1, ())


@pytest.mark.parametrize("facts", [(10, 6), (11, 5)])
def test_another_time_or_size_is_looked_into_unless_the_content_is_the_same(facts):
    [task] = compare(seen(("a.obj", *facts)), {"a.obj": known(1, content="x")}).tasks
    assert (task.kind, task.known.id, task.unless) == ("changed", 1, ("x",))


def test_new_files_come_in_the_order_of_their_paths():
    changes = compare(seen(("b.obj", 1, 1), ("a/z.obj", 1, 1), ("a.obj", 1, 1)), {})
    assert [task.found.path for task in changes.tasks] == ["a.obj", "a/z.obj", "b.obj"]
    assert all(task.kind == "new" and task.known is None and not task.unless for task in changes.tasks)


def test_files_that_are_gone_are_told_at_once():
    changes = compare(seen(("a.obj", 10, 5)), {"a.obj": known(1), "b.obj": known(2), "c.obj": known(3)})
    assert (changes.gone, changes.perhaps_moved) == ((2, 3), {})


def test_a_new_file_of_the_size_of_a_gone_one_may_be_that_one():
    changes = compare(
        seen(("new/a.obj", 10, 5)), {"a.obj": known(1, content="x"), "b.obj": known(2, bytes=9)}
    )
    assert changes.gone == (2,)
    assert changes.perhaps_moved == {"x": (("a.obj", 1),)}
    assert changes.tasks[0].unless == ("x",)


def test_a_file_that_is_still_there_did_not_move():
    changes = compare(seen(("a.obj", 10, 5), ("copy.obj", 10, 5)), {"a.obj": known(1)})
    assert changes.perhaps_moved == {}
    assert changes.tasks[0].unless == ()


def test_what_lies_in_a_folder_that_may_not_be_entered_is_not_gone():
    rows = {"locked/a.obj": known(1), "locked2/b.obj": known(2)}
    assert compare(seen(unreadable=("locked",)), rows).gone == (2,)


def test_problems_are_looked_at_again_when_asked():
    rows = {"a.obj": known(1, state="problem"), "b.obj": known(2)}
    there = seen(("a.obj", 10, 5), ("b.obj", 10, 5))
    assert compare(there, rows).tasks == ()
    [task] = compare(there, rows, retry=True).tasks
    assert (task.found.path, task.unless) == ("a.obj", ())


def test_thorough_looks_at_the_content_of_every_file():
    [task] = compare(seen(("a.obj", 10, 5)), {"a.obj": known(1, content="x")}, thorough=True).tasks
    assert task.unless == ("x",)


def test_shards_share_out_all_files_and_all_deletions():
    there = seen(*((f"{number}.obj", 1, 1) for number in range(50)))
    rows = {f"gone {number}.obj": known(number) for number in range(50)}
    parts = [compare(there, rows, shard=Shard(number, 3)) for number in (1, 2, 3)]
    found = [task.found.path for part in parts for task in part.tasks]
    assert sorted(found) == sorted(file.path for file in there.files)
    assert sorted(id for part in parts for id in part.gone) == list(range(50))
    assert all(part.tasks for part in parts)


@pytest.mark.parametrize("pair", [(0, 1), (2, 1), (1, 0)])
def test_shards_that_cannot_be_are_refused(pair):
    with pytest.raises(ConfigError, match="shard"):
        Shard(*pair)
