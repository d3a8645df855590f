import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from anaglyph.nn.edge_conv import EdgeConv
from anaglyph.ops.knn import k_nearest
from reference.neighbours import slow_edge_conv


def problem(*, clouds=4, points=60, channels=3, neighbours=8, dtype=torch.float32, masked=False):
    random = torch.Generator().manual_seed(0)
    x = torch.randn(clouds, points, channels, generator=random, dtype=dtype)
    valid = None
    if masked:
        valid = torch.rand(clouds, points, generator=random) > 0.3
        x = x.masked_fill(~valid[..., None], 0.0)
    return x, k_nearest(x, x, neighbours, valid=valid), valid


def pair(channels, width, dtype=torch.float32):
    """Both forms with the same weights; about half of the scales are negative."""
    split = EdgeConv(channels, width)
    literal = EdgeConv(channels, width, form="literal")
    random = torch.Generator().manual_seed(1)
    split.norm.weight.data.normal_(generator=random)
    split.norm.bias.data.normal_(generator=random)
    literal.load_state_dict(split.state_dict())
    return split.to(dtype), literal.to(dtype)


def outcome(module, x, neighbours, valid):
    """Output, gradients and running statistics of one training step on valid rows."""
    x = x.clone().requires_grad_()
    out = module(x, neighbours, valid)
    if valid is not None:
        out = out[valid]
    weight = torch.randn(out.shape, generator=torch.Generator().manual_seed(2), dtype=out.dtype)
    out.mul(weight).sum().backward()
    norm = module.norm
    return {
        "output": out.detach(),
        "input gradient": x.grad,
        **{name: value.grad for name, value in module.named_parameters()},
        "running mean": norm.running_mean,
        "running variance": norm.running_var,
        "batches": norm.num_batches_tracked,
    }


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("channels", [3, 24])
def test_both_forms_agree_in_output_gradients_and_statistics(masked, training, channels):
    problem_64 = problem(channels=channels, dtype=torch.float64, masked=masked)
    split, literal = (form.train(training) for form in pair(channels, 16, torch.float64))
    first, second = outcome(split, *problem_64), outcome(literal, *problem_64)
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-9, atol=1e-9, msg=name)


@pytest.mark.parametrize("channels", [3, 64])
def test_in_float32_both_forms_agree_to_a_ten_thousandth(channels):
    clouds = problem(points=256, channels=channels, neighbours=20)
    split, literal = pair(channels, 64)
    first, second = outcome(split, *clouds), outcome(literal, *clouds)
    for name in first:
        size = float(second[name].abs().max())
        torch.testing.assert_close(first[name] / size, second[name] / size, rtol=0, atol=1e-4, msg=name)


@pytest.mark.parametrize("form", ["split", "literal"])
@pytest.mark.parametrize("masked", [False, True])
def test_the_convolution_equals_the_loop_over_edges(form, masked):
    x, neighbours, valid = problem(clouds=2, points=12, neighbours=4, dtype=torch.float64, masked=masked)
    module = pair(3, 5, torch.float64)[form == "literal"]
    out = module(x, neighbours, valid)
    norm = module.norm
    expected, mean, variance = slow_edge_conv(
        x, neighbours, module.linear.weight, norm.weight, norm.bias, valid=valid
    )
    keep = torch.ones(2, 12, dtype=torch.bool) if valid is None else valid
    torch.testing.assert_close(out[keep], expected[keep])
    torch.testing.assert_close(norm.running_mean, 0.1 * mean)
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * variance)


def test_the_split_form_agrees_with_finite_differences_in_training():
    x, neighbours, _ = problem(clouds=2, points=6, neighbours=3, dtype=torch.float64)
    split, _ = pair(3, 4, torch.float64)

    def run(points, weight, scale, shift):
        values = {"linear.weight": weight, "norm.weight": scale, "norm.bias": shift}
        return torch.func.functional_call(split, values, (points, neighbours))

    inputs = [x, *(parameter.detach().clone() for parameter in split.parameters())]
    assert torch.autograd.gradcheck(run, [value.requires_grad_() for value in inputs])


def test_neighbours_that_nearly_coincide_keep_their_variance():
    """Clusters 0.001 wide and 1 apart: the variance of the differences is a millionth of the rest."""
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 20, 1, 3, generator=random) + 1e-3 * torch.randn(2, 20, 10, 3, generator=random)
    x = x.flatten(1, 2)
    neighbours = k_nearest(x, x, 8)
    split, literal = pair(3, 8)
    for form in (split, literal):
        form.linear.weight.data[:, 3:] = 0.0  # only the differences count
    exact = literal.double()(x.double(), neighbours)
    torch.testing.assert_close(split(x, neighbours).double(), exact, rtol=0, atol=5e-3)


def test_autocast_leaves_results_in_float32():
    x, neighbours, _ = problem()
    split, _ = pair(3, 16)
    split.eval()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = split(x.bfloat16(), neighbours)
    torch.testing.assert_close(out, split(x.bfloat16().float(), neighbours))


def test_one_point_in_all_has_no_statistics_to_train_with():
    x = torch.zeros(1, 1, 3)
    with pytest.raises(ValueError, match="at least 2 values per channel, got 1"):
        EdgeConv(3, 4)(x, torch.zeros(1, 1, 1, dtype=torch.int64))


class NoNumbers(TorchDispatchMode):
    """Refuses to hand a number that was computed to Python, which would make the host wait for the device."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten._local_scalar_dense.default:
            assert not args[
                0
            ].is_floating_point()  # the index may be looked at, which is done on the CPU alone
        return function(*args, **(kwargs or {}))


def test_training_waits_for_no_number_unless_padding_must_be_counted():
    x, neighbours, _ = problem()
    with NoNumbers():
        EdgeConv(3, 4)(x, neighbours)
    with NoNumbers(), pytest.raises(AssertionError):
        EdgeConv(3, 4)(x, neighbours, torch.ones(4, 60, dtype=torch.bool))


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="'split' or 'literal', got 'sum'"):
        EdgeConv(3, 4, form="sum")
