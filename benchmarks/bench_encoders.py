"""Objects per second of every shape encoder: inference and a training step, float32 and bfloat16 autocast.

    python benchmarks/bench_encoders.py [--threads 2] [--only 'ppat*']

Every encoder as `create_encoder` builds it, on random coloured clouds with as many points as its official
weights were trained on (1,024 where there are none). A training step is forward, backward and AdamW. Times
are the smallest of a few repeats; a step of more than three seconds is measured once, its first time. Above
50 million parameters there is inference alone, above 200 million nothing, and after four minutes whatever is
left is left out, with a note. "compiled" is float32 inference with `torch.compile` on the transformer part,
for two of them, run in turn with the same step as it is; ratio and preparation, once per process, are in the
note.
"""

from __future__ import annotations

# ruff: noqa: E402 - the allocator is set before torch is imported
from anaglyph.cli.allocator import keep_freed_memory

keep_freed_memory()

import argparse
import copy
import shutil
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from anaglyph.encoders.catalog import create_encoder, encoder_convention, list_encoders
from anaglyph.encoders.table import ENCODERS

SIZES: dict[str, tuple[dict[str, Any], ...]] = {
    "ppat": tuple({"scaling": scaling} for scaling in range(1, 7)),
    "uni3d": tuple({"size": size} for size in ("ti", "s", "b", "l", "g")),
}
"""Encoders that come in several sizes; all others are measured as they are by default."""
COMPILED = {"act": "blocks", "ppat scaling=3": "ppat.transformer"}
"""The transformer part of those that are also compiled."""
TRAINED, INFERRED = 50e6, 200e6
"""Parameters up to which there are training steps, and inference."""
SECONDS = 0.5
"""Spent on repeating a step, beyond which nothing is repeated."""
LONG = 3.0
"""A step that takes longer is not repeated at all."""
LIMIT = 240.0
"""Seconds after which no further encoder is measured."""
COLUMNS = ("inference", "inference_bf16", "training", "training_bf16", "compiled")


def run(*, only: str = "*") -> list[dict[str, Any]]:
    """Rows: encoder, parameters in millions, points, batch, objects per second of each kind, note."""
    start = time.perf_counter()
    rows = []
    for name in _different_encoders():
        for options in SIZES.get(name, ({},)):
            title = " ".join([name, *(f"{option}={value}" for option, value in options.items())])
            if fnmatchcase(title, only):
                late = time.perf_counter() - start > LIMIT
                rows.append(_row(name, options, title, measured=not late))
    return rows


def _different_encoders() -> list[str]:
    """Names of all shape encoders but those that build what an earlier one built."""
    targets: dict[str, str] = {}
    for name in list_encoders(modality="shape"):
        targets.setdefault(ENCODERS.entry(name).target, name)
    return list(targets.values())


def _row(name: str, options: dict[str, Any], title: str, *, measured: bool) -> dict[str, Any]:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in create_encoder(name, **options).parameters())
    convention = encoder_convention(name)
    points = 1024 if convention is None else convention.points
    batch = 1 if count > TRAINED else (8 if points <= 1024 else 2)
    row = {"encoder": title, "million_parameters": count / 1e6, "points": points, "batch": batch}
    row |= dict.fromkeys(COLUMNS, "") | {"note": ""}
    if count > INFERRED or not measured:
        return row | {"note": f"left out, {'too large' if measured else f'{LIMIT:.0f} seconds were over'}"}
    torch.manual_seed(0)
    encoder = create_encoder(name, **options)
    clouds = random_clouds(batch, points, getattr(encoder, "in_channels", 3))
    row["inference"] = batch / smallest(inference(encoder, clouds))
    row["inference_bf16"] = batch / smallest(inference(encoder, clouds, bfloat16=True))
    if count <= TRAINED:
        row["training"] = batch / smallest(training_step(encoder, clouds))
        row["training_bf16"] = batch / smallest(training_step(encoder, clouds, bfloat16=True))
    else:
        row["note"] = "inference alone"
    if title in COMPILED:
        row |= _compiled(encoder, COMPILED[title], clouds)
    return row


def _compiled(encoder: nn.Module, part: str, clouds: Tensor) -> dict[str, Any]:
    if clouds.device.type == "cpu" and shutil.which("g++") is None:
        return {"note": "not compiled: no g++ here"}
    plain = inference(copy.deepcopy(encoder), clouds)
    encoder.get_submodule(part).compile()
    compiled = inference(encoder, clouds)
    prepared = _seconds(compiled)
    plain()
    rounds = [(_seconds(plain), _seconds(compiled)) for _ in range(3)]
    as_is, best = (min(times) for times in zip(*rounds, strict=True))
    note = f"{part} compiled in {prepared:.0f} s, ratio {as_is / best:.2f}"
    return {"compiled": len(clouds) / best, "note": note}


def inference(encoder: nn.Module, clouds: Tensor, *, bfloat16: bool = False) -> Callable[[], None]:
    """One forward pass in eval mode."""

    def step() -> None:
        encoder.eval()
        with torch.inference_mode(), _autocast(clouds, bfloat16):
            encoder(clouds)

    return step


def training_step(encoder: nn.Module, clouds: Tensor, *, bfloat16: bool = False) -> Callable[[], None]:
    """Forward, backward and AdamW."""
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=1e-6)

    def step() -> None:
        encoder.train()
        optimiser.zero_grad()
        with _autocast(clouds, bfloat16):
            embedding = encoder(clouds)
        embedding.float().square().mean().backward()
        optimiser.step()

    return step


def smallest(step: Callable[[], None]) -> float:
    """Seconds of the fastest of a few calls, after one that counts only if it is long."""
    best = _seconds(step)
    if best > LONG:
        return best
    best, spent = float("inf"), 0.0
    while spent < SECONDS:
        took = _seconds(step)
        best, spent = min(best, took), spent + took
    return best


def _seconds(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def random_clouds(batch: int, points: int, channels: int) -> Tensor:
    """(B, N, C): directions at random on the unit sphere, everything behind them in [0, 1]."""
    random = torch.Generator().manual_seed(0)
    xyz = nn.functional.normalize(torch.randn(batch, points, 3, generator=random), dim=2)
    return torch.cat([xyz, torch.rand(batch, points, channels - 3, generator=random)], dim=2)


def _autocast(clouds: Tensor, enabled: bool) -> torch.autocast:
    return torch.autocast(clouds.device.type, dtype=torch.bfloat16, enabled=enabled)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", default="*", help="encoders, as a shell-style pattern")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"objects per second, {options.threads} threads")
    print(
        f"{'':24} {'M par.':>7} {'N':>6} {'B':>2} {'infer':>7} {'bf16':>7} {'train':>7} {'bf16':>7} compiled"
    )
    for row in run(only=options.only):
        numbers = [f"{row[c]:7.1f}" if row[c] != "" else f"{'-':>7}" for c in COLUMNS]
        print(
            f"{row['encoder']:24} {row['million_parameters']:7.1f} {row['points']:6} {row['batch']:2} "
            f"{' '.join(numbers)}  {row['note']}"
        )


if __name__ == "__main__":
    main()
