import math

import pytest
import torch

from anaglyph.encoders.catalog import create_encoder
from anaglyph.encoders.point_grid import PointGrid
from anaglyph.errors import ConfigError
from anaglyph.randomness import torch_generator
from reference.point_grid import slow_occupancy


def grid(**options):
    return PointGrid(embed_dim=8, width=4, side=9, planes=3, coarse_stem=False, **options).eval()


def test_the_splat_equals_one_point_at_a_time():
    points = torch.rand(2, 30, 3, generator=torch_generator("points")) * 1.4 - 0.7  # some beyond the box
    fast = grid().occupancy(points)
    for cloud, cells in zip(points, fast, strict=True):
        slow = slow_occupancy(cloud.tolist(), side=9, planes=3, extent=0.6, depth=0.3)
        torch.testing.assert_close(cells, torch.tensor(slow), rtol=1e-4, atol=1e-4)


def test_a_point_in_the_middle_fills_one_cell():
    cells = grid().occupancy(torch.zeros(1, 1, 3))[0]
    assert cells[1, 4, 4] == pytest.approx(math.log1p(81.0), rel=1e-4)
    assert float(cells.sum()) == pytest.approx(math.log1p(81.0), rel=1e-4)


def test_density_does_not_depend_on_the_number_of_points():
    points = torch.rand(1, 40, 3, generator=torch_generator("density")) - 0.5
    torch.testing.assert_close(grid().occupancy(points), grid().occupancy(points.repeat(1, 3, 1)))


def test_points_beyond_the_box_lie_on_its_side():
    inside, outside = torch.tensor([[[0.0, 0.6, 0.0]]]), torch.tensor([[[0.0, 9.0, 0.0]]])
    torch.testing.assert_close(grid().occupancy(inside), grid().occupancy(outside))


@pytest.mark.parametrize("options", [{"side": 4}, {"extent": 0.0}, {"planes": 1}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ConfigError, match="must be"):
        create_encoder("point_grid", **options)
