"""MTL, the material libraries of OBJ files: diffuse colours and textures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from anaglyph.geometry.mesh import GREY, Material
from anaglyph.geometry.mesh_textures import Textures

_WHITE = (1.0, 1.0, 1.0)
_OPTION_WORDS = {"-o": 3, "-s": 3, "-t": 3, "-mm": 2}
"""Most words that follow an option of a texture; the others have one."""


@dataclass
class _Entry:
    name: str
    colour: tuple[float, float, float] | None = None
    texture: str | None = None


def read_mtl(data: bytes, library: str, textures: Textures) -> dict[str, Material]:
    """The materials of one library by name; `library` is its name as the OBJ file has it.

    A texture is found from the library's folder. Kd is sRGB as it stands. Beside a texture, black is taken
    as white: programs write `Kd 0 0 0` where the texture alone is meant, and the product would be black.
    """
    entries: list[_Entry] = []
    for line in data.splitlines():
        key, rest = _first_word(line.decode("utf-8", errors="surrogateescape").strip())
        if not rest:
            continue
        if key.lower() == "newmtl":
            entries.append(_Entry(rest))
        elif entries and key.lower() == "kd":
            entries[-1].colour = _colour(rest.split())
        elif entries and key.lower() == "map_kd":
            entries[-1].texture = texture_name(rest)
    return {entry.name: _material(entry, library, textures) for entry in entries}


def beside(library: str, name: str) -> str:
    """`name` as seen from the OBJ file, when the library itself lies in a folder below it."""
    folder = PurePosixPath(library.replace("\\", "/")).parent
    return name if str(folder) == "." or name.startswith(("/", "\\")) else f"{folder}/{name}"


def texture_name(rest: str) -> str:
    """The file name after the options of a texture's line, such as `-s 1 1 1 wood grain.png`."""
    text = rest.strip()
    while text.startswith("-"):
        option, text = _first_word(text)
        for position in range(_OPTION_WORDS.get(option.lower(), 1)):
            word, following = _first_word(text)
            if not following or (position and not _is_number(word)):
                break
            text = following
    return text


def _first_word(text: str) -> tuple[str, str]:
    """The first word and what follows it, without the white space between them."""
    word, *following = text.split(None, 1) or [""]
    return word, following[0] if following else ""


def _material(entry: _Entry, library: str, textures: Textures) -> Material:
    picture = textures.named(beside(library, entry.texture)) if entry.texture else None
    colour = entry.colour
    if picture is not None and colour in (None, (0.0, 0.0, 0.0)):
        colour = _WHITE
    return Material(entry.name, colour or GREY, picture)


def _colour(words: list[str]) -> tuple[float, float, float] | None:
    """Three numbers, or one for a grey; spectral curves are not read."""
    try:
        values = [min(max(float(word), 0.0), 1.0) for word in words[:3]]
    except ValueError:
        return None
    if any(value != value for value in values):
        return None
    red, green, blue = values if len(values) == 3 else (values[0],) * 3
    return red, green, blue


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
