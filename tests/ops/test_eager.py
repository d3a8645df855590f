import subprocess
import sys

import torch

from anaglyph.ops.eager import eager
from anaglyph.ops.fps import farthest_points
from anaglyph.ops.gather import gather_points


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


def test_importing_the_operations_does_not_load_the_compiler():
    program = (
        "import sys, torch; from anaglyph.ops.knn import k_nearest; "
        "k_nearest(*[torch.zeros(1, 2, 3)] * 2, 1, backend='torch'); print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
