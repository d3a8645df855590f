"""torch.compile for the encoders of a method, in place: names in state dicts stay what they are."""

from __future__ import annotations

import shutil
from importlib.util import find_spec

import torch

from anaglyph.errors import ConfigError
from anaglyph.methods.base import Method

COMPILERS = ("g++", "clang++", "cl")


def require_compiler(device: torch.device) -> None:
    """ConfigError when what torch.compile needs on this device is missing."""
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


def compile_encoders(method: Method) -> None:
    """Have every encoder that is trained compiled when it is first called; results agree to rounding.

    Raises:
        ConfigError: no encoder is trained.
    """
    found = [
        encoder
        for name, module in method.named_modules()
        if name.rpartition(".")[2] == "encoders" and any(p.requires_grad for p in module.parameters())
        for encoder in module.children()
    ]
    if not found:
        raise ConfigError(
            f"--compile works on the encoders that a method trains, and {type(method).__name__} has none; "
            f"leave it out."
        )
    for encoder in found:
        encoder.compile()
