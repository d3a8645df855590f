import pytest
import torch

pytest.importorskip("numba", reason="the extra 'fast' is not installed")

from anaglyph.ops.fast import fps
from reference.clouds import KINDS, farthest_in_order, hard_cloud

NO_SKIP = -1.0


@pytest.fixture(params=["all points", "buckets"])
def way(request, monkeypatch):
    monkeypatch.setattr(fps, "BUCKETS_FROM", 0 if request.param == "buckets" else 10**9)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("points", [1, 15, 513, 2000])
def test_rows_are_those_of_the_definition_on_hard_clouds(kind, points):
    cloud = hard_cloud(kind, points)
    start = points // 2
    found = fps.farthest(cloud[None], 60, None, torch.tensor([start]), NO_SKIP)
    assert torch.equal(found[0], farthest_in_order(cloud, 60, start))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("skip", [1e-3, 0.5, 1e9])
def test_points_near_the_origin_are_passed_over_except_as_the_start(skip):
    clouds = torch.stack([hard_cloud("ball", 700, seed=seed) for seed in range(3)])
    clouds[:, 4] = 0.0
    found = fps.farthest(clouds, 40, None, torch.tensor([4, 4, 9]), skip)
    for cloud, start, rows in zip(clouds, (4, 4, 9), found, strict=True):
        assert torch.equal(rows, farthest_in_order(cloud, 40, start, skip=skip))


@pytest.mark.usefixtures("way")
def test_padding_is_never_chosen_and_changes_nothing():
    cloud = hard_cloud("ball", 900)
    mask = torch.rand(900, generator=torch.Generator().manual_seed(1)) > 0.4
    start = int(mask.nonzero()[3])
    padded = cloud.clone()
    padded[~mask] = float("nan")
    found = fps.farthest(padded[None], 50, mask[None], torch.tensor([start]), NO_SKIP)[0]
    assert torch.equal(found, farthest_in_order(cloud, 50, start, mask=mask))
    dense = fps.farthest(cloud[mask][None], 50, None, torch.tensor([3]), NO_SKIP)[0]
    assert torch.equal(mask.nonzero().squeeze(1)[dense], found)


def test_a_batch_shared_between_threads_equals_its_clouds_one_by_one():
    clouds = torch.stack([hard_cloud("ball", 3000, seed=seed) for seed in range(7)])
    start = torch.zeros(7, dtype=torch.int64)
    alone = torch.cat([fps.farthest(cloud[None], 200, None, start[:1], NO_SKIP) for cloud in clouds])
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        assert torch.equal(fps.farthest(clouds, 200, None, start, NO_SKIP), alone)
    finally:
        torch.set_num_threads(threads)


def test_a_large_cloud_goes_through_buckets():
    cloud = hard_cloud("ball", fps.BUCKETS_FROM)
    found = fps.farthest(cloud[None], 100, None, torch.tensor([5]), NO_SKIP)
    assert torch.equal(found[0], farthest_in_order(cloud, 100, 5))
