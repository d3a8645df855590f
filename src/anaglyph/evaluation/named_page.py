"""One page of objects and the classes that they were given: pictures inside, nothing loaded, nothing sent."""

from __future__ import annotations

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import jinja2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

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
                "file": _sound(card.file),
                "name": _sound(card.file.replace("\\", "/").rsplit("/", 1)[-1]),
                "image": None if card.pictures is None else _data_url(card.pictures[0]),
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
        model=_sound(model),
        left_out={_sound(name): _sound(why) for name, why in left_out.items()},
    )


def _sound(text: str) -> str:
    """Text that can be written as UTF-8; names of files need not be."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _data_url(picture: NDArray[np.uint8]) -> str:
    """A PNG of (1 or 3, H, W), inside an address."""
    pixels = np.repeat(picture, 3, axis=0) if len(picture) == 1 else picture
    image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)), "RGB")
    if image.width != SIDE:
        image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.quantize(128).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
