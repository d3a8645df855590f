"""One page of objects and the classes that they were given: pictures inside, nothing loaded, nothing sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anaglyph.evaluation.page_parts import encodable, picture_address

SIDE = 168
"""Of a picture, in pixels."""


@dataclass(frozen=True, eq=False)
class Card:
    """An object."""

    file: str
    pictures: NDArray[np.uint8] | None
    """(V, 1 or 3, H, W); the first is shown."""
    top: tuple[tuple[str, float], ...]
    """Classes and scores, the likeliest first."""
    unsure: bool
    picture: float | None
    """Score of the first class by picture."""
    points: float | None
    """The same by points."""


def named_page(
    cards: Sequence[Card], *, classes: Sequence[str], rule: str, model: str, left_out: Mapping[str, str]
) -> str:
    """HTML in one string; every text in it is escaped.

    Args:
        cards: in the order given; the page can sort them by score.
        classes: all there were.
        rule: where scores come from.
        model: what named them.
        left_out: file -> why.
    """
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    source = files("anaglyph.evaluation").joinpath("named_page.html.j2").read_text(encoding="utf-8")
    counts = Counter(card.top[0][0] for card in cards)
    order = {name: place for place, (name, _) in enumerate(counts.most_common())}
    return environment.from_string(source).render(
        cards=[
            {
                "file": encodable(card.file),
                "name": encodable(card.file.replace("\\", "/").rsplit("/", 1)[-1]),
                "image": None if card.pictures is None else _shown(card.pictures[0]),
                "top": card.top,
                "unsure": card.unsure,
                "by": [("picture", card.picture), ("points", card.points)],
                "group": order[card.top[0][0]],
                "permille": round(card.top[0][1] * 1000),
            }
            for card in cards
        ],
        counts=counts.most_common(),
        classes=len(classes),
        unsure=sum(card.unsure for card in cards),
        rule=rule,
        model=encodable(model),
        left_out={encodable(name): encodable(why) for name, why in left_out.items()},
    )


def _shown(picture: NDArray[np.uint8]) -> str:
    """(1 or 3, H, W) -> the address of a small copy."""
    pixels = np.repeat(picture, 3, axis=0) if len(picture) == 1 else picture
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), "RGB")
    return picture_address(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)))
