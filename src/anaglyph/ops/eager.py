"""Keeps torch.compile out of functions that look at numbers or call other compilers.

`torch.compiler.disable` itself costs one to two seconds when it is applied, for it loads the whole compiler.
Here that waits until somebody else has loaded it; before that nothing can be compiling.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def eager(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """`function`, run as plain Python also where the caller is compiled: a graph break, no tracing."""
    disabled: list[Callable[Arguments, Result]] = []

    @functools.wraps(function)
    def call(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        if "torch._dynamo" not in sys.modules:
            return function(*args, **options)
        if not disabled:
            disabled.append(torch.compiler.disable(function))  # type: ignore[no-untyped-call]
        _leave_alone(call)
        return disabled[0](*args, **options)

    return call


def _leave_alone(wrapper: Callable[..., object]) -> None:
    """Without this all wrappers, one piece of code, are compiled for every shape until the limit of 8 is hit.

    `torch._dynamo.reset` forgets it, so it is said again at every call.
    """
    from torch._dynamo.decorators import skip

    skip(wrapper)
