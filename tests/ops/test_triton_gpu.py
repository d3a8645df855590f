"""The Triton back-end on a real GPU: the sizes people use, memory, and no waiting for the device."""

import pytest
import torch

from anaglyph.ops.ball import ball_query
from anaglyph.ops.chamfer import chamfer_l2
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.knn import k_nearest
from anaglyph.ops.nearest import nearest_point

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device; run on a machine with one"),
]
SHAPES = [(32, 1024, 64, 32), (16, 8192, 512, 32), (1, 100_000, 2048, 32)]
shapes = pytest.mark.parametrize(("clouds", "rows", "count", "neighbours"), SHAPES)


def surface(clouds, rows, seed=0):
    points = torch.randn(clouds, rows, 3, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(points, dim=2).cuda()


def both(operation, *tensors, **options):
    return [operation(*tensors, backend=backend, **options) for backend in ("triton", "torch")]


@shapes
def test_sampling_equals_the_torch_loop(clouds, rows, count, neighbours):
    assert torch.equal(*both(farthest_points, surface(clouds, rows), count))


@shapes
@pytest.mark.parametrize("valid_rows", [None, 0.7])
def test_searches_equal_the_torch_ones(clouds, rows, count, neighbours, valid_rows):
    points = surface(clouds, rows)
    query = points[:, :count]
    valid = None if valid_rows is None else (torch.arange(rows) < valid_rows * rows).expand(clouds, -1).cuda()
    assert torch.equal(*both(k_nearest, query, points, neighbours, valid=valid))
    assert torch.equal(*both(ball_query, query, points, 0.1, neighbours, valid=valid))
    (distance, index), (slow_distance, slow_index) = both(nearest_point, query, points, second_valid=valid)
    assert torch.equal(index, slow_index)
    assert torch.equal(distance, slow_distance)


@pytest.mark.parametrize("neighbours", [1, 20, 64, 128, 200])
def test_every_number_of_neighbours_equals_the_torch_search(neighbours):
    points = surface(2, 3000)
    assert torch.equal(*both(k_nearest, points[:, :333], points, neighbours))


def test_gradients_of_the_chamfer_distance_equal_those_of_torch():
    gradients = []
    for backend in ("triton", "torch"):
        first, second = surface(4, 2000, 1).requires_grad_(), surface(4, 3000, 2).requires_grad_()
        chamfer_l2(first, second, backend=backend).sum().backward()
        gradients.append((first.grad, second.grad))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=0)


def test_memory_does_not_grow_with_the_number_of_pairs():
    points = surface(16, 8192)
    query = points[:, :512].contiguous()
    k_nearest(query, points, 32, backend="triton")
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    k_nearest(query, points, 32, backend="triton")
    nearest_point(points, points, backend="triton")
    torch.cuda.synchronize()
    assert torch.cuda.max_memory_allocated() - before < 32e6  # all pairs of one cloud alone would be 268 MB


def test_the_kernels_do_not_wait_for_the_device():
    from anaglyph.ops.triton_kernels import ball, fps, knn, nearest

    points = surface(2, 1024)
    query, start = points[:, :64].contiguous(), torch.zeros(2, dtype=torch.int64, device="cuda")
    valid = torch.ones(2, 1024, dtype=torch.bool, device="cuda")
    for mode in ("default", "error"):  # the first round compiles
        torch.cuda.set_sync_debug_mode(mode)
        try:
            fps.farthest(points, 64, valid, start, 1e-3)
            knn.nearest(query, points, 32, valid)
            ball.ball(query, points, 0.2, 32, valid)
            nearest.nearest_one(query, points, valid)
        finally:
            torch.cuda.set_sync_debug_mode("default")
