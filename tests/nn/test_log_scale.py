import math

import pytest

from anaglyph.nn.log_scale import LogScale


def test_it_starts_at_one_over_seven_hundredths_as_a_logarithm():
    scale = LogScale()
    assert scale().item() == pytest.approx(14.2857, rel=1e-4)
    assert scale.log_scale.item() == pytest.approx(math.log(1 / 0.07), rel=1e-6)
    assert scale().shape == ()
    assert [p.shape for p in scale.parameters()] == [(1,)]  # sharded training takes no scalars


def test_its_gradient_is_that_of_the_exponential():
    scale = LogScale(start=5.0)
    (3 * scale()).backward()
    assert scale.log_scale.grad.item() == pytest.approx(15.0, rel=1e-5)


@pytest.mark.parametrize(("theta", "kept"), [(-1.0, 1.0), (2.0, math.exp(2.0)), (9.0, 100.0)])
def test_clamping_keeps_the_scale_between_one_and_a_hundred(theta, kept):
    scale = LogScale()
    scale.log_scale.data.fill_(theta)
    scale.clamp()
    assert scale().item() == pytest.approx(kept, rel=1e-5)


def test_without_a_bound_it_goes_where_it_wants():
    scale = LogScale(largest=None)
    scale.log_scale.data.fill_(9.0)
    scale.clamp()
    assert scale.log_scale.item() == 9.0


@pytest.mark.parametrize("options", [{"start": 0.0}, {"start": math.nan}, {"largest": 0.5}])
def test_what_cannot_be_meant_is_refused(options):
    with pytest.raises(ValueError, match=r"must be >"):
        LogScale(**options)
