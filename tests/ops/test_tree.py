import pytest
import torch

from anaglyph.ops import tree
from reference.clouds import KINDS, all_distances, balls_in_order, hard_cloud, sorted_neighbours


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("points", "count"), [(1, 1), (40, 7), (700, 1), (1500, 40), (30, 60)])
def test_neighbours_are_those_of_sorting_every_float32_distance(kind, points, count):
    cloud, query = hard_cloud(kind, points), hard_cloud(kind, 50, seed=1)
    found = tree.nearest(query[None], cloud[None], count, None)
    assert torch.equal(found[0], sorted_neighbours(query, cloud, count))


def test_padding_is_never_found_and_the_nearest_fills_up():
    cloud, query = hard_cloud("ball", 300), hard_cloud("ball", 20, seed=1)
    mask = torch.rand(300, generator=torch.Generator().manual_seed(2)) > 0.9
    padded = cloud.clone()
    padded[~mask] = float("nan")
    found = tree.nearest(query[None], padded[None], 50, mask[None])
    assert torch.equal(found[0], sorted_neighbours(query, cloud, 50, mask))


@pytest.mark.parametrize("kind", KINDS)
def test_the_nearest_point_comes_with_its_float32_distance(kind):
    cloud, query = hard_cloud(kind, 1200), hard_cloud(kind, 300, seed=1)
    squared, rows = tree.nearest_one(query[None], cloud[None], None)
    distance = all_distances(query, cloud)
    assert torch.equal(rows[0], torch.from_numpy(distance.argmin(axis=1)))
    assert torch.equal(squared[0], torch.from_numpy(distance.min(axis=1)))


def test_distances_that_vanish_in_float32_are_ties():
    cloud = torch.tensor([[3e-24, 0.0, 0.0], [2e-24, 0.0, 0.0], [1e-24, 0.0, 0.0], [1.0, 0.0, 0.0]])
    squared, rows = tree.nearest_one(torch.zeros(1, 1, 3), cloud[None], None)
    assert squared.tolist() == [[0.0]]
    assert rows.tolist() == [[0]]


@pytest.mark.parametrize("at_once", [1, 1 << 22])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("radius", [1e-3, 0.5, 3.0])
def test_balls_hold_the_lowest_rows_inside(monkeypatch, at_once, kind, radius):
    monkeypatch.setattr(tree, "_AT_ONCE", at_once)
    cloud, query = hard_cloud(kind, 500), hard_cloud(kind, 30, seed=1)
    found = tree.ball(query[None], cloud[None], radius, 20, None)
    assert torch.equal(found[0], balls_in_order(query, cloud, radius, 20))


def test_padding_is_in_no_ball():
    cloud, query = hard_cloud("ball", 500), hard_cloud("ball", 40, seed=1)
    mask = torch.arange(500) % 3 == 1
    padded = cloud.clone()
    padded[~mask] = query[0]
    found = tree.ball(query[None], padded[None], 0.4, 12, mask[None])
    assert torch.equal(found[0], balls_in_order(query, cloud, 0.4, 12, mask))


def test_searching_everything_in_small_parts_changes_nothing(monkeypatch):
    monkeypatch.setattr(tree, "_AT_ONCE", 100)
    cloud, query = hard_cloud("one place", 90), hard_cloud("one place", 40, seed=1)
    found = tree.nearest(query[None], cloud[None], 3, None)
    assert torch.equal(found[0], sorted_neighbours(query, cloud, 3))


def test_crossovers_name_the_operations_that_have_a_tree():
    assert set(tree.TREE_FROM_POINTS) == {"k_nearest", "ball_query", "nearest_point"}
