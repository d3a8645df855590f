"""Random numbers that depend on a seed and a purpose, never on what was drawn before.

A generator comes from `(seed, what)`. Augmentation draws from counters: row b of the result is a pure
function of its 64-bit key, so sample 17 is the same in any batch, with any number of workers, shuffled
or resumed. The mixer is SplitMix64 (Steele, Lea and Flood, 2014).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def seed_for(*parts: object) -> int:
    """A 63-bit seed from any printable parts, such as `seed_for(3, "k-means", epoch)`."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def numpy_generator(*parts: object) -> np.random.Generator:
    """A NumPy generator of its own for `parts`."""
    return np.random.default_rng(seed_for(*parts))


def torch_generator(*parts: object, device: str = "cpu") -> torch.Generator:
    """A torch generator of its own for `parts`."""
    import torch

    return torch.Generator(device=device).manual_seed(seed_for(*parts))


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Run a block (weight initialisation, dropout) on torch's generators seeded by `parts`.

    The state from before is put back afterwards, so nothing outside the block can notice.
    """
    import torch

    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed_for(*parts))
        yield


def row_keys(keys: Sequence[str], *parts: object) -> NDArray[np.uint64]:
    """(B,) one 64-bit key per sample, for `uniform` and `normal`; `parts` are seed, epoch and the like."""
    salt = "\x1f".join(map(str, parts)).encode()
    digests = b"".join(hashlib.blake2b(key.encode(), digest_size=8, key=_fold(salt)).digest() for key in keys)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def uniform(rows: NDArray[np.uint64], purpose: str, *shape: int) -> NDArray[np.float32]:
    """(B, *shape) numbers in [0, 1), row b a function of `rows[b]` and `purpose` alone."""
    stream = np.uint64(seed_for(purpose))
    count = int(np.prod(shape, dtype=np.int64))
    counters = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
    with np.errstate(over="ignore"):
        bits = _mix(_mix(rows ^ stream)[:, None] + counters[None, :])
    numbers = (bits >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
    return numbers.reshape(len(rows), *shape)


def normal(rows: NDArray[np.uint64], purpose: str, *shape: int) -> NDArray[np.float32]:
    """(B, *shape) standard normal numbers (Box-Muller), row b a function of `rows[b]` and `purpose`."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(rows, purpose + "/radius", *shape)))
    angle = np.float32(2.0 * np.pi) * uniform(rows, purpose + "/angle", *shape)
    result: NDArray[np.float32] = (radius * np.cos(angle)).astype(np.float32)
    return result


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _fold(salt: bytes) -> bytes:
    return hashlib.blake2b(salt, digest_size=32).digest()
