"""Pictures on meshes: PNG, JPEG and WebP only, with a limit on their pixels."""

from __future__ import annotations

import io
import warnings

import numpy as np
from numpy.typing import NDArray

from anaglyph.geometry.mesh_files import Folder

FORMATS = ("PNG", "JPEG", "WEBP")


class Textures:
    """Decodes the textures of one model, each once, and counts their pixels; failures become notes."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._left = folder.limits.texture_pixels
        self._known: dict[object, NDArray[np.uint8] | None] = {}

    def named(self, name: str) -> NDArray[np.uint8] | None:
        """(H, W, 3) the picture in the file `name` beside the model, or None and a note."""
        if name not in self._known:
            data = self._folder.optional(name, what="texture", most=self._folder.limits.texture_bytes)
            self._known[name] = None if data is None else self._decoded(data, name)
        return self._known[name]

    def embedded(self, data: bytes, key: object) -> NDArray[np.uint8] | None:
        """(H, W, 3) a picture that lies in the model file itself; `key` names it in the notes."""
        if key not in self._known:
            self._known[key] = self._decoded(data, str(key))
        return self._known[key]

    def left_out(self, what: str) -> None:
        """Note that a model is without `what`."""
        self._folder.note(f"without {what}")

    def _decoded(self, data: bytes, name: str) -> NDArray[np.uint8] | None:
        from PIL import Image, UnidentifiedImageError

        from anaglyph.io.pictures import opaque

        limits = self._folder.limits
        shown = f"without the texture '{name[:100]}'"
        if len(data) > limits.texture_bytes:
            self._folder.note(
                f"{shown}, which has {len(data)} bytes; at most {limits.texture_bytes} are read"
            )
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow warns of bombs; the pixels are counted here
                with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                    pixels = image.width * image.height
                    if pixels > self._left:
                        self._folder.note(
                            f"{shown}, which is {image.width} x {image.height}; all textures together may "
                            f"have {limits.texture_pixels} pixels"
                        )
                        return None
                    picture = np.asarray(opaque(image))
        except UnidentifiedImageError:
            self._folder.note(f"{shown}, which is no {', '.join(FORMATS)} picture")
            return None
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
            self._folder.note(f"{shown}, which is damaged ({str(error)[:100]})")
            return None
        self._left -= pixels
        return picture
