"""torch.compile for the encoders of a method, in place: names in state dicts stay what they are."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import torch

from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method

COMPILERS = ("g++", "clang++", "cl")


def compile_encoders(method: Method, *, device: torch.device) -> None:
    """Have every encoder compiled when it is first called; results agree with before to rounding.

    Raises:
        ConfigError: there is no C++ compiler, or on a GPU no Triton, that the compiler of torch could use.
    """
    if not any(shutil.which(name) for name in COMPILERS):
        raise ConfigError(
            f"--compile needs a C++ compiler, and none of {', '.join(COMPILERS)} is on the path; install one "
            f"(Debian: apt install g++) or leave --compile out."
        )
    if device.type == "cuda" and find_spec("triton") is None:
        raise ConfigError(
            "--compile on a GPU needs the package triton, which is not installed; run "
            "`pip install triton` or leave --compile out."
        )
    for encoder in method.get_submodule("encoders").children():
        encoder.compile()
