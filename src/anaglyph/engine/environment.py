"""What a run was made with: versions, devices and the state of the source tree."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

PACKAGES = (
    "anaglyph",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "safetensors",
    "lightning-fabric",
    "pillow",
)
EXTRAS = ("tensorboard", "wandb")


def describe_environment() -> dict[str, object]:
    """Versions, devices and git state as plain data, without names of users or machines."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: installed_version(name) for name in PACKAGES},
        "threads": torch.get_num_threads(),
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] or ["cpu"],
        "git": git_state(),
    }


def installed_version(package: str) -> str | None:
    """Version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_state() -> str | None:
    """Commit of the tree this module lies in, with "+" when it has changes; None outside a checkout."""
    folder = Path(__file__).parent
    try:
        commit, status = (
            subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, timeout=5, check=True)
            for args in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "--", "."))
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit.stdout.strip() + ("+" if status.stdout.strip() else "")
