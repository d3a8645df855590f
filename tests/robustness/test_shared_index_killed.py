"""Four indexers of one database, killed and started again: what one embedded run leaves, and its answers."""

import random
import signal
from contextlib import closing

import numpy as np
import pytest

from anaglyph.search.items import Filters
from anaglyph.search.opening import open_store
from indexed_models import brick, rows, save_space
from model_files import write_broken, write_model

SHARDS = 4
KILLS = 6
POINTS = (
    "anaglyph.search.postgres_open:open_postgres_store",
    "anaglyph.search.indexer:_Run._write",
    "anaglyph.search.indexer:Indexed",
    "anaglyph.search.sql_writing:put_details",
    "anaglyph.search.postgres_engine:PostgresChange.put_vectors",
    "anaglyph.search.closeness:measure_closeness",
)
"""Where an indexer dies: before it has an index, between and within transactions, and at the end."""


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """The arguments for an index at a place."""
    folder, draw = tmp_path_factory.mktemp("models"), random.Random("bricks")
    for number in range(12):
        size = [draw.uniform(0.5, 4.0) for _ in range(3)]
        write_model(folder / f"kind {number % 3}" / f"{number}.obj", brick(size))
    write_broken(folder / "broken.obj")
    space = save_space(tmp_path_factory.mktemp("space"))

    def arguments(*place):
        return [
            "index", str(folder), *place, "--model", str(space), "--data-root", str(space.parent),
            "--device", "cpu", "--processes", "1", "--batch", "2",
        ]  # fmt: skip

    return arguments


def test_four_indexers_killed_and_restarted_leave_what_one_embedded_run_leaves(
    server, command, postgres, tmp_path
):
    alone = server.start(command("--index", str(tmp_path / "index")))
    draw, killed = random.Random("kills"), 0
    waiting = list(range(1, SHARDS + 1))
    while waiting:
        started = []
        for number in waiting:
            kill = {"kill_at": draw.choice(POINTS), "call": draw.randint(1, 2)} if killed < KILLS else {}
            arguments = command("--store", postgres, "--shard", f"{number}/{SHARDS}")
            started.append((number, server.start(arguments, **kill)))
            killed += bool(kill)
        waiting = []
        for number, child in started:
            code = child.wait()
            assert code in (0, -signal.SIGKILL), child.text()
            if code:
                waiting.append(number)
    assert alone.wait() == 0, alone.text()
    with closing(open_store(tmp_path / "index")) as embedded, closing(open_store(postgres)) as shared:
        but = ("id", "added")
        assert rows(shared, but=but) == rows(embedded, but=but)
        assert shared.notes()["recipe"] == embedded.notes()["recipe"]
        rng = np.random.default_rng(0)
        for filters in (Filters(), Filters(folder="kind 1"), Filters(ranges={"proportions": (1.0, None)})):
            for query in (*rng.standard_normal((3, 8)).astype(np.float32), *embedded.vectors()[1][:3]):
                assert hits(shared, query, filters) == hits(embedded, query, filters)


def hits(store, query, filters):
    """Paths and scores: ids differ where several wrote at once."""
    found = store.nearest(query, filters=filters, limit=10)
    items = store.items([id for id, _ in found])
    return [(item.path, score) for item, (_, score) in zip(items, found, strict=True)]
