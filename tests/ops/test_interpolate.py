import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anaglyph.ops.interpolate import interpolate_three
from reference.interpolate import slow_interpolate_three


def cloud(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@settings(deadline=None, max_examples=30)
@given(b=st.integers(1, 2), m=st.integers(1, 6), n=st.integers(1, 12), seed=st.integers(0, 2**16))
def test_the_result_equals_the_slow_mean_also_for_one_and_two_points(b, m, n, seed):
    query, reference = cloud(b, m, 3, seed=seed), cloud(b, n, 3, seed=seed + 1)
    features = cloud(b, n, 4, seed=seed + 2)
    found = interpolate_three(query, reference, features)
    expected = slow_interpolate_three(query, reference, features)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)


def test_a_known_point_keeps_its_features():
    points, features = cloud(2, 20, 3), cloud(2, 20, 5, seed=1)
    torch.testing.assert_close(interpolate_three(points, points, features), features, rtol=0, atol=1e-4)


def test_padding_is_never_a_neighbour():
    query, reference, features = cloud(2, 5, 3), cloud(2, 9, 3, seed=1), cloud(2, 9, 4, seed=2)
    valid = torch.arange(9) < torch.tensor([[2], [6]])
    reference[~valid] = float("nan")
    features[~valid] = float("nan")
    found = interpolate_three(query, reference, features, valid=valid)
    expected = slow_interpolate_three(query, reference, features, valid)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_to_the_features_agrees_with_finite_differences():
    query, reference = (cloud(1, n, 3, seed=n, dtype=torch.float64) for n in (4, 6))
    features = cloud(1, 6, 2, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: interpolate_three(query, reference, x), (features,))


def test_features_keep_their_type_under_autocast():
    query, reference, features = cloud(1, 4, 3), cloud(1, 8, 3, seed=1), cloud(1, 8, 2, seed=2).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = interpolate_three(query, reference, features)
    assert found.dtype == torch.bfloat16
    expected = slow_interpolate_three(query, reference, features.float())
    torch.testing.assert_close(found.double(), expected, rtol=1e-2, atol=1e-2)


def test_features_of_other_points_are_refused_by_shape():
    with pytest.raises(ValueError, match=r"\(B, N\) = \(1, 4\), got \(1, 5, 2\)"):
        interpolate_three(torch.zeros(1, 2, 3), torch.zeros(1, 4, 3), torch.zeros(1, 5, 2))
