import os
import subprocess
import sys

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the extra 'fast' is not installed")

from anaglyph.ops.fast import ball, knn, nearest, search
from reference.clouds import KINDS, all_distances, balls_in_order, hard_cloud, sorted_neighbours


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("points", "count"), [(1, 1), (40, 7), (700, 1), (3000, 40), (3000, 700)])
def test_neighbours_are_those_of_sorting_every_distance(kind, points, count):
    cloud, query = hard_cloud(kind, points), hard_cloud(kind, 50, seed=1)
    found = knn.nearest(query[None], cloud[None], count, None)
    assert torch.equal(found[0], sorted_neighbours(query, cloud, count))


@pytest.mark.parametrize("queries", [3, 100])
def test_padding_is_never_found_and_the_nearest_fills_up(queries):
    cloud, query = hard_cloud("ball", 300), hard_cloud("ball", queries, seed=1)
    mask = torch.rand(300, generator=torch.Generator().manual_seed(2)) > 0.9
    padded = cloud.clone()
    padded[~mask] = float("nan")
    found = knn.nearest(query[None], padded[None], 50, mask[None])
    assert torch.equal(found[0], sorted_neighbours(query, cloud, 50, mask))


@pytest.mark.parametrize("kind", KINDS)
def test_the_nearest_point_comes_with_its_exact_distance(kind):
    cloud, query = hard_cloud(kind, 2500), hard_cloud(kind, 600, seed=1)
    squared, rows = nearest.nearest_one(query[None], cloud[None], None)
    distance = all_distances(query, cloud)
    assert torch.equal(rows[0], torch.from_numpy(distance.argmin(axis=1)))
    assert torch.equal(squared[0], torch.from_numpy(distance.min(axis=1)))


def test_distances_beyond_float32_still_have_a_nearest_point():
    cloud = torch.tensor([[3e30, 0.0, 0.0], [1e30, 0.0, 0.0]])
    squared, rows = nearest.nearest_one(torch.zeros(1, 1, 3), cloud[None], None)
    assert squared.isinf().all()
    assert rows.tolist() == [[0]]


@pytest.mark.parametrize("most", [1, 5, 16, 100])
def test_the_size_of_buckets_changes_nothing(monkeypatch, most):
    monkeypatch.setattr(knn, "_MOST", most)
    cloud, query = hard_cloud("ball", 5000), hard_cloud("ball", 80, seed=1)
    found = knn.nearest(query[None], cloud[None], 9, None)
    assert torch.equal(found[0], sorted_neighbours(query, cloud, 9))


@pytest.mark.parametrize(("clouds", "queries"), [(1, 2000), (9, 400)])
def test_work_shared_between_threads_gives_the_same(clouds, queries):
    reference = torch.stack([hard_cloud("ball", 600, seed=seed) for seed in range(clouds)])
    query = torch.stack([hard_cloud("ball", queries, seed=50 + seed) for seed in range(clouds)])
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        found = knn.nearest(query, reference, 8, None)
        inside = ball.ball(query, reference, 0.3, 8, None)
    finally:
        torch.set_num_threads(threads)
    for cloud in range(clouds):
        assert torch.equal(found[cloud], sorted_neighbours(query[cloud], reference[cloud], 8))
        assert torch.equal(inside[cloud], balls_in_order(query[cloud], reference[cloud], 0.3, 8))


@pytest.fixture(params=["in order", "buckets", "buckets with crowds"])
def way(request, monkeypatch):
    monkeypatch.setattr(ball, "_BUILD", 1e9 if request.param == "in order" else -1e9)
    if request.param == "buckets with crowds":
        monkeypatch.setattr(ball, "_CROWD", 10)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [1e-3, 0.5, 3.0])
def test_balls_hold_the_lowest_rows_inside(kind, radius):
    cloud, query = hard_cloud(kind, 1500), hard_cloud(kind, 60, seed=1)
    found = ball.ball(query[None], cloud[None], radius, 20, None)
    assert torch.equal(found[0], balls_in_order(query, cloud, radius, 20))


@pytest.mark.usefixtures("way")
def test_padding_is_in_no_ball():
    cloud, query = hard_cloud("ball", 500), hard_cloud("ball", 40, seed=1)
    mask = torch.arange(500) % 3 == 1
    padded = cloud.clone()
    padded[~mask] = query[0]
    found = ball.ball(query[None], padded[None], 0.4, 12, mask[None])
    assert torch.equal(found[0], balls_in_order(query, cloud, 0.4, 12, mask))


@pytest.mark.usefixtures("way")
def test_the_surface_of_a_ball_is_outside():
    cloud = torch.tensor([[0.5, 0.0, 0.0], [0.0, np.nextafter(np.float32(0.5), np.float32(0)), 0.0]])
    found = ball.ball(torch.zeros(1, 40, 3), cloud[None], 0.5, 2, None)
    assert found.unique().tolist() == [1]


def test_kernels_that_used_threads_still_work_after_a_fork():
    script = (
        "import os, torch\n"
        "from anaglyph.ops.fast.nearest import nearest_one\n"
        "torch.set_num_threads(2)\n"
        "points = torch.rand(8, 2000, 3, generator=torch.Generator().manual_seed(0))\n"
        "other = points.flip(1).contiguous()\n"
        "before = nearest_one(points, other, None)[1]\n"
        "child = os.fork()\n"
        "after = nearest_one(points, other, None)[1]\n"
        "if child == 0:\n"
        "    os._exit(0 if (before.numpy() == after.numpy()).all() else 1)\n"
        "raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", script], timeout=120, env=environment, check=False)
    assert done.returncode == 0


def test_few_queries_search_without_dividing_the_cloud(monkeypatch):
    seen = []
    arrange = search.arrange
    monkeypatch.setattr(search, "arrange", lambda *given: seen.append(given[2]) or arrange(*given))
    cloud, query = hard_cloud("ball", 400), hard_cloud("ball", 2, seed=1)
    found = knn.nearest(query[None], cloud[None], 5, None)
    assert seen == [400]
    assert torch.equal(found[0], sorted_neighbours(query, cloud, 5))
