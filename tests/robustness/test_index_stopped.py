"""`anaglyph index` killed or interrupted in a real process: the same command ends with the same rows."""

import signal
from contextlib import closing

import pytest

from anaglyph.search.opening import open_store
from indexed_models import rows, save_space, write_models

WRITE = "anaglyph.search.indexer:_Run._write"
FILE = "anaglyph.search.indexer:Indexed"
END = "anaglyph.search.closeness:measure_closeness"
MADE = "anaglyph.search.sqlite_open:open_sqlite_store"
"""Called for the first time when a new index lies there, empty."""


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """The arguments for an index at a place."""
    folder = tmp_path_factory.mktemp("models")
    write_models(folder)
    space = save_space(tmp_path_factory.mktemp("space"))

    def arguments(place):
        return [
            "index", str(folder), "--index", str(place), "--model", str(space), "--data-root",
            str(space.parent), "--device", "cpu", "--processes", "1", "--batch", "2",
        ]  # fmt: skip

    return arguments


@pytest.fixture(scope="module")
def whole(server, command, tmp_path_factory):
    """What an undisturbed run leaves."""
    place = tmp_path_factory.mktemp("whole") / "index"
    child = server.start(command(place))
    assert child.wait() == 0, child.text()
    return held(place)


def held(place):
    with closing(open_store(place)) as store:
        return rows(store), store.notes()


@pytest.mark.parametrize(("target", "call"), [(MADE, 1), (WRITE, 2), (FILE, 5), (END, 1)])
def test_killed_at_any_point_a_run_goes_on_to_the_same_rows(server, command, whole, tmp_path, target, call):
    child = server.start(command(tmp_path / "index"), kill_at=target, call=call)
    assert child.wait() == -signal.SIGKILL, child.text()
    child = server.start(command(tmp_path / "index"))
    assert child.wait() == 0, child.text()
    assert held(tmp_path / "index") == whole
