"""Which device a command computes on, chosen by name, and refused by name where it is not there."""

from __future__ import annotations

from typing import Literal

import torch

from anaglyph.errors import ConfigError


def find_device(asked: str) -> torch.device:
    """The device that `asked` means here: "auto" (CUDA where there is one, else the CPU), "cpu", "cuda",
    "cuda:1" or "mps".

    Raises:
        ConfigError: not a name of a device, or the machine has no such device.
    """
    if asked == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = asked.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (":" in asked and not (kind == "cuda" and number.isdecimal())):
        raise ConfigError(f"no device '{asked}'; known are auto, cpu, cuda, cuda:NUMBER and mps.")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device=mps, but torch sees no Apple GPU here; use --device cpu or auto.")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            f"device={asked}, but torch sees no CUDA device here; use --device cpu or auto, or install a "
            f"build of torch with CUDA (`anaglyph doctor` shows what is there)."
        )
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        there = ", ".join(f"cuda:{i}" for i in range(torch.cuda.device_count()))
        raise ConfigError(f"device={asked}, but this machine has {there}; name one of them.")
    return torch.device(asked)


def choose_device(asked: Literal["auto", "cpu", "cuda"]) -> Literal["cpu", "cuda"]:
    """The device that `auto` means here: CUDA where there is one, else the CPU.

    Raises:
        ConfigError: CUDA was asked for and torch sees none.
    """
    if asked == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if asked == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device=cuda, but torch sees no CUDA device here; use --device cpu or auto.")
    return asked
