import subprocess
import sys

import torch

from anaglyph.ops.coordinates import distance_blocks

PEAK = """
import resource, torch
from anaglyph.ops.ball import ball_query
from anaglyph.ops.knn import k_nearest
from anaglyph.ops.nearest import nearest_point

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

def run(points):
    k_nearest(points, points, 4, backend="torch")
    ball_query(points, points, 0.02, 4, backend="torch")
    nearest_point(points, points, backend="torch")

points = torch.rand(1, 10_000, 3, generator=torch.Generator().manual_seed(0))
run(points[:, :64])
before = peak()
run(points)
print(peak() - before)
"""


def test_a_full_matrix_of_distances_is_never_held():
    done = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100  # MiB; the matrix would take 381


def test_blocks_of_any_size_cover_every_pair_once():
    random = torch.Generator().manual_seed(0)
    query = torch.randn(3, 5, 3, generator=random)
    reference = torch.randn(3, 7, 3, generator=random)
    valid = torch.rand(3, 7, generator=random) < 0.5
    expected = (query[:, :, None] - reference[:, None]).square().sum(dim=3)
    expected = expected.masked_fill(~valid[:, None], float("inf"))
    for block in (1, 7, 20, 35, 60, 70, 1000):
        found, seen = torch.zeros(3, 5, 7), torch.zeros(3, 5, 7)
        for clouds, rows, distance in distance_blocks(query, reference, valid, block=block):
            found[clouds, rows] = distance
            seen[clouds, rows] += 1
            assert distance.numel() <= max(block, 7)
        assert (seen == 1).all()
        torch.testing.assert_close(found, expected)
