"""Words for the objects of `cc0_objects`: what their categories and file names say in plain English."""

from __future__ import annotations

import re

from anaglyph.data.described import Text
from anaglyph.data.procedural.captions import a
from anaglyph.data.records import TextSource

_WORDS = {
    "bow_arrow": "bow and arrow",
    "bucket_bag": "bucket or bag",
    "crate_box": "crate",
    "insect_reptile": "insect or reptile",
    "knife_cutlery": "cutlery",
    "pot_pan": "cooking pot",
    "radio_speaker": "radio or speaker",
    "range_stove": "stove",
    "skull_bones": "skull or bones",
    "washer_dryer": "washing machine",
    "quadruped": "four-legged animal",
}
"""Categories whose name is no phrase; the others only lose their underscores."""


def class_word(category: str) -> str:
    """A category in plain words."""
    return _WORDS.get(category, category.replace("_", " "))


def plain_name(name: str) -> str:
    """An object's name without the number that tells it from others, such as "big tree" of "big tree 2"."""
    short = re.sub(r"(\s+\d+)+$", "", " ".join(name.split()))
    return short or name


def texts_of(name: str, category: str) -> tuple[Text, ...]:
    """NAME is the plain name; CAPTION a phrase with the category, unless the name says it already."""
    said, kind = plain_name(name).lower(), class_word(category)
    whole = set(said.split())
    phrase = a(said) if set(kind.split()) <= whole else f"{a(said)}, a kind of {kind}"
    return (TextSource.NAME, said), (TextSource.CAPTION, phrase)
