"""The dice of an object: each parameter by its name, remembered as it is drawn.

A value is a function of (category, key, parameter name) alone. A builder may ask in any order, ask only for
what it needs, and gain a parameter later, without any other value changing.
"""

from __future__ import annotations

import numpy as np

from anaglyph.data.procedural.materials import TONES, Finish, make_finish
from anaglyph.randomness import numpy_generator, seed_for

Plain = str | int | float | bool


class Draws:
    """Parameters of one object, drawn on demand.

    Args:
        category: name of the category.
        key: name of the object.
        variation: 1 draws from the full ranges, 0 gives every object of the category the middle of each range
            and the first of each choice.
    """

    def __init__(self, category: str, key: str, *, variation: float = 1.0) -> None:
        if not 0.0 <= variation <= 1.0:
            raise ValueError(f"variation must lie in 0..1, got {variation}")
        self._identity = (category, key)
        self._variation = variation
        self.parameters: dict[str, Plain] = {}

    def number(self, name: str, low: float, high: float) -> float:
        """Uniform between low and high."""
        share = 0.5 + self._variation * (self._uniform(name) - 0.5)
        self.parameters[name] = value = low + share * (high - low)
        return value

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        share = 0.5 + self._variation * (self._uniform(name) - 0.5)
        self.parameters[name] = value = min(high, low + int(share * (high - low + 1)))
        return value

    def choice(self, name: str, *options: str) -> str:
        """One of the options; one that is named twice is twice as likely."""
        self.parameters[name] = value = self._pick(name, options)
        return value

    def chance(self, name: str, probability: float) -> bool:
        """True with this probability."""
        self.parameters[name] = value = 0.5 + self._variation * (self._uniform(name) - 0.5) < probability
        return value

    def finish(self, name: str, *kinds: str) -> Finish:
        """A material of one of the kinds of `materials.TONES`, in one of its colours."""
        kind = self._pick(f"{name}/kind", kinds)
        tone = self._pick(f"{name}/tone", tuple(TONES[kind]))
        finish = make_finish(kind, tone, TONES[kind][tone], self.generator(name))
        self.parameters[name] = finish.words
        return finish

    def generator(self, name: str) -> np.random.Generator:
        """For things drawn by the dozen, such as books or leaves; they are not remembered.

        Without any variation it is the same for all objects of the category.
        """
        category, key = self._identity
        return numpy_generator("procedural", category, key if self._variation else "", name)

    def _pick(self, name: str, options: tuple[str, ...]) -> str:
        if self._uniform(f"{name}/varies") >= self._variation:
            return options[0]
        return options[int(self._uniform(name) * len(options))]

    def _uniform(self, name: str) -> float:
        """[0, 1), to 53 bits."""
        return (seed_for("procedural", *self._identity, name) >> 10) * 2.0**-53
