"""Where published checkpoints keep their tensors: mappings in mappings, and prefixes that wrappers add.

Nothing is guessed: a container is opened when its name is one of a short list, a prefix goes when every key
carries it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from torch import Tensor

from anaglyph.errors import WeightsError

T = TypeVar("T")
WRAPPERS = ("module.", "_orig_mod.", "model.")
"""Prefixes that data-parallel, compile and training wrappers put before every key."""
CONTAINERS = ("state_dict", "model_state_dict", "model", "base_model", "module", "net", "weights")
"""Where published `.pth` files keep their tensors, in order of preference; "module" is DeepSpeed's."""
AVERAGED = ("state_dict_ema", "model_ema", "ema")
"""Where they keep the moving average of the same tensors."""
MAX_DEPTH = 8


@dataclass(frozen=True)
class Unwrapped:
    """One state dict with bare names, and what lay around it."""

    tensors: dict[str, Tensor]
    place: tuple[str, ...] = ()
    """Containers that were opened, outermost first."""
    wrappers: tuple[str, ...] = ()
    """Prefixes that were taken off, outermost first."""
    beside: Mapping[str, object] = field(default_factory=dict)
    """Everything else in those containers: bookkeeping, optimizer, other state dicts."""

    @property
    def averaged(self) -> bool:
        """Whether these are the moving average."""
        return any(name in AVERAGED for name in self.place)

    @property
    def has_average(self) -> bool:
        """Whether a moving average lies beside these."""
        return any(isinstance(self.beside.get(name), Mapping) for name in AVERAGED)


def unwrap(content: object, *, averaged: bool = False, what: str = "the file") -> Unwrapped:
    """Open the containers of a loaded checkpoint, `averaged` those of its moving average.

    Raises:
        WeightsError: the average is asked for and there is none.
    """
    place: list[str] = []
    beside: dict[str, object] = {}
    wanted = AVERAGED if averaged else CONTAINERS
    content = _copied(content)
    for _ in range(MAX_DEPTH):
        if not isinstance(content, Mapping):
            break
        inside = next((name for name in wanted if isinstance(content.get(name), Mapping)), None)
        if inside is None and averaged and not place:
            raise WeightsError(
                f"{what} holds no moving average (none of {', '.join(AVERAGED)}). Leave out --ema."
            )
        if inside is None:
            break
        place.append(inside)
        beside.update({str(name): _copied(value) for name, value in content.items() if name != inside})
        content = _copied(content[inside])
        wanted = CONTAINERS
    tensors = _tensors(content)
    if isinstance(content, Mapping):
        beside.update(
            {str(name): _copied(value) for name, value in content.items() if str(name) not in tensors}
        )
    bare, wrappers = take_off_wrappers(tensors)
    return Unwrapped(bare, tuple(place), wrappers, beside)


def take_off_wrappers(tensors: Mapping[str, T]) -> tuple[dict[str, T], tuple[str, ...]]:
    """Tensors without their wrapper prefixes, and those prefixes, outermost first."""
    result = dict(tensors)
    taken: list[str] = []
    while result:
        prefix = next((prefix for prefix in WRAPPERS if all(key.startswith(prefix) for key in result)), None)
        if prefix is None or prefix in result:
            break
        result = {key.removeprefix(prefix): tensor for key, tensor in result.items()}
        taken.append(prefix)
    return result, tuple(taken)


def _copied(value: object) -> object:
    """A plain dictionary or tensor with the same content; a pickle may lay anything over their methods."""
    if isinstance(value, Tensor):
        return Tensor.detach(value)
    return dict(dict.items(value)) if isinstance(value, dict) else value


def _tensors(content: object) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        return {}
    return {str(name): Tensor.detach(value) for name, value in content.items() if isinstance(value, Tensor)}
