from itertools import pairwise

import numpy as np
import pytest
import torch

pytest.importorskip("numba", reason="the extra 'fast' is not installed")
import numba

from anaglyph.ops.fast import kernel, threads
from anaglyph.ops.fast.buckets import divide, planes_of
from anaglyph.ops.fast.grouped import arrange
from anaglyph.ops.fast.lanes import LANES, box_distances, lanes_within, lowest_lane, point_distances
from reference.clouds import KINDS, all_distances, hard_cloud

ALL = np.ones(0, np.bool_)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most", [1, 16, 100])
def test_buckets_are_small_boxes_of_ascending_rows_that_hold_every_point_once(kind, most):
    cloud = hard_cloud(kind, 777).numpy()
    planes, rows = planes_of(cloud, ALL)
    edges, boxes, depths = divide(planes, rows, most)
    assert sorted(rows.tolist()) == list(range(777))
    assert np.array_equal(planes.T, cloud[rows])
    assert np.sum(0.5 ** depths.astype(float)) == 1.0  # the leaves of one binary tree
    for bucket, (begin, end) in enumerate(pairwise(edges)):
        assert 0 < end - begin <= most
        assert (np.diff(rows[begin:end]) > 0).all()
        assert np.array_equal(boxes[0::2, bucket], planes[:, begin:end].min(axis=1))
        assert np.array_equal(boxes[1::2, bucket], planes[:, begin:end].max(axis=1))


def test_only_valid_points_are_taken():
    cloud = hard_cloud("ball", 50).numpy()
    mask = np.arange(50) % 4 == 2
    planes, rows = planes_of(cloud, mask)
    assert rows.tolist() == list(range(2, 50, 4))
    assert np.array_equal(planes.T, cloud[mask])


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_of_groups_enclose_their_points_and_every_point_is_in_one_bucket(kind):
    cloud = hard_cloud(kind, 3000).numpy()
    planes, rows, blocks, boxes, middle, outer = arrange(cloud, ALL, 4)
    seen = []
    for bucket in np.flatnonzero(~np.isnan(boxes[0])):
        inside = slice(blocks[0, bucket] * LANES, blocks[1, bucket] * LANES)
        real = ~np.isnan(planes[0, inside])
        points = planes[:, inside][:, real]
        seen += rows[inside][real].tolist()
        for box in (boxes[:, bucket], middle[:, bucket // LANES], outer[:, bucket // LANES**2]):
            assert (points >= box[0::2, None]).all()
            assert (points <= box[1::2, None]).all()
    assert sorted(seen) == list(range(3000))


@numba.njit
def look(planes, boxes, place, out):
    nearest = point_distances(planes, 1, place[0], place[1], place[2], out, 0)
    box = box_distances(boxes, 0, place[0], place[1], place[2], out, 1)
    return nearest, box, lanes_within(out, 0, nearest), lowest_lane(lanes_within(out, 0, nearest))


def test_sixteen_distances_at_once_are_rounded_like_one_by_one():
    cloud, place = hard_cloud("far away", 2 * LANES), hard_cloud("far away", 1, seed=1)
    planes = np.ascontiguousarray(cloud.numpy().T)
    planes[:, 20] = np.nan  # padding
    boxes = np.sort(planes[:, :LANES, None] + np.float32([0, 1]), axis=2).transpose(0, 2, 1).reshape(6, LANES)
    out = np.empty(2 * LANES, np.int32)
    nearest, box, mask, lane = look(planes, np.ascontiguousarray(boxes), place[0].numpy(), out)
    expected = all_distances(place, cloud[LANES:])[0]
    expected[4] = np.inf
    got = out[:LANES].view(np.float32)
    assert np.isnan(got[4])
    assert np.array_equal(np.delete(got, 4), np.delete(expected, 4))
    assert nearest == expected.min().view(np.int32)
    assert mask == 1 << expected.argmin()
    assert lane == expected.argmin()
    gap = np.maximum(
        np.maximum(boxes[0::2] - place[0].numpy()[:, None], place[0].numpy()[:, None] - boxes[1::2]), 0
    )
    to_boxes = (gap[0] * gap[0] + gap[1] * gap[1]) + gap[2] * gap[2]
    assert np.array_equal(out[LANES:].view(np.float32), to_boxes)
    assert box == to_boxes.min().view(np.int32)


def test_a_kernel_works_without_a_place_for_its_cache(monkeypatch):
    real = numba.njit

    def unwritable(*, cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(kernel.numba, "njit", unwritable)
    assert kernel.kernel(lambda x: x + 1)(2) == 3


@pytest.mark.parametrize("clouds", [1, 3, 20])
@pytest.mark.parametrize("rows", [0, 1, 1000, 5000])
def test_pieces_and_shares_cover_everything_once(clouds, rows):
    pieces = threads.ranges(clouds, rows, least=256)
    for cloud in range(clouds):
        covered = [row for c, begin, end in pieces if c == cloud for row in range(begin, end)]
        assert covered == list(range(rows))
    assert [cloud for part in threads.shares(clouds) for cloud in range(clouds)[part]] == list(range(clouds))


@pytest.mark.parametrize("nanoseconds", [0.0, 1e9])
def test_results_come_in_the_order_of_the_tasks(nanoseconds):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        found = threads.spread(lambda task: task * task, range(20), nanoseconds=nanoseconds)
    finally:
        torch.set_num_threads(before)
    assert found == [task * task for task in range(20)]
