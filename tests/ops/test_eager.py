import subprocess
import sys

import torch
from torch._dynamo.eval_frame import _debug_get_cache_entry_list

from anaglyph.encoders.pointmlp import PointMLP
from anaglyph.ops.eager import eager
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.gather import gather_points
from anaglyph.ops.knn import k_nearest


def test_a_compiled_caller_gets_the_result_without_a_trace_through_the_function():
    traced = []

    @eager
    def counted(x):
        traced.append(torch.compiler.is_compiling())
        return x + int(x.sum())  # a look at the numbers

    compiled = torch.compile(lambda x: counted(2 * x) * 3, backend="eager")
    assert compiled(torch.ones(2)).tolist() == [18.0, 18.0]
    assert traced == [False]


def test_a_model_that_samples_points_can_be_compiled():
    points = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0))

    def model(x):
        return 3 * gather_points(x, farthest_points(2 * x, 5))

    assert torch.equal(torch.compile(model, backend="eager")(points), model(points))


def test_many_shapes_do_not_compile_the_wrapper_that_all_operations_share():
    torch._dynamo.reset()

    def sampled(x, count):
        return 2 * farthest_points(2 * x, count, backend="torch")

    def searched(x, count):
        return 2 * k_nearest(2 * x, x, count, backend="torch")

    wrapper = farthest_points.__code__
    assert k_nearest.__code__ is wrapper
    for function in (sampled, searched):
        function(torch.rand(2, 9, 3), 4)  # an eager call first: then the compiler finds a wrapper to compile
        compiled = torch.compile(function, backend="aot_eager", dynamic=False)
        for number in range(3, 7):
            compiled(torch.rand(number, 2 * number, 3), number)
    assert len(_debug_get_cache_entry_list(wrapper)) <= 1


def test_a_compiled_encoder_of_four_stages_stays_below_the_limit_of_the_compiler():
    torch._dynamo.reset()
    encoder = PointMLP(embed_dim=8, width=4, centres=(12, 8, 6, 4), neighbours=5, hidden=16).eval()
    points = torch.rand(2, 20, 3, generator=torch.Generator().manual_seed(0))
    strict = torch._dynamo.config.patch(recompile_limit=5, fail_on_recompile_limit_hit=True)
    with torch.no_grad(), strict:  # four stages are four shapes, eight operations would be eight
        expected = encoder(points)
        torch.testing.assert_close(torch.compile(encoder, backend="aot_eager")(points), expected)


def test_importing_the_operations_does_not_load_the_compiler():
    program = (
        "import sys, torch; from anaglyph.ops.knn import k_nearest; "
        "k_nearest(*[torch.zeros(1, 2, 3)] * 2, 1, backend='torch'); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
