import subprocess
import sys

import pytest

from anaglyph.io.lock import claimed

HOLD = """
import sys
from pathlib import Path
from anaglyph.io.lock import claimed
with claimed(Path(sys.argv[1]), [3, 7]) as taken:
    print(taken, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def held(tmp_path):
    """A file of which another process holds the places 3 and 7, and that process."""
    path = tmp_path / "made" / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "None\n"
        yield path, process
        process.kill()


def test_the_first_place_that_another_process_holds_is_named(held):
    path, _ = held
    with claimed(path, range(10)) as taken:
        assert taken == 3
    with claimed(path, [0, 7]) as taken:
        assert taken == 7


def test_other_places_are_free(held):
    path, _ = held
    with claimed(path, [0, 2, 4]) as taken:
        assert taken is None


def test_places_are_free_again_when_their_holder_was_killed(held):
    path, process = held
    process.kill()
    process.wait()
    with claimed(path, range(10)) as taken:
        assert taken is None


def test_a_file_that_cannot_be_made_stops_nobody(tmp_path):
    (tmp_path / "file").write_text("")
    with claimed(tmp_path / "file" / ".lock", [0]) as taken:
        assert taken is None
