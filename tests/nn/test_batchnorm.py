import pytest
import torch
from torch import nn

from anaglyph.nn.batchnorm import BatchNorm


@pytest.mark.parametrize(
    ("shape", "theirs"),
    [((6, 4), nn.BatchNorm1d), ((6, 4, 5), nn.BatchNorm1d), ((6, 4, 5, 3), nn.BatchNorm2d)],
)
def test_results_and_state_equal_those_of_torch(shape, theirs):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    mine, other = BatchNorm(4), theirs(4)
    other.load_state_dict(mine.state_dict())
    torch.testing.assert_close(mine(x), other(x))
    torch.testing.assert_close(mine.state_dict(), other.state_dict())
    torch.testing.assert_close(mine.eval()(x), other.eval()(x))


def test_tracking_a_batch_by_hand_equals_running_it():
    x = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    run, tracked = BatchNorm(3), BatchNorm(3)
    run(x)
    tracked.track(x.mean(dim=0), x.var(dim=0, unbiased=False), 10)
    torch.testing.assert_close(run.state_dict(), tracked.state_dict())


def test_one_row_in_training_says_what_to_do():
    with pytest.raises(ValueError, match="got 1; use a larger batch"):
        BatchNorm(3)(torch.zeros(1, 3))
