"""What every page that stands alone needs: pictures inside it, and text that can be written."""

from __future__ import annotations

import base64
import io
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture: TypeAlias = NDArray[np.uint8]
"""(H, W) grey or (H, W, 3) colour values in [0, 255]."""


def picture_address(picture: Picture) -> str:
    """The picture as a PNG inside a data address; ValueError for another type or shape."""
    shape = picture.shape
    if picture.dtype != np.uint8 or len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] != 3):
        raise ValueError(
            f"a picture must be uint8 of (H, W) or (H, W, 3), got {picture.dtype} of {shape}; "
            f"scale to [0, 255] and convert first"
        )
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def encodable(text: str) -> str:
    """`text` with lone surrogates (undecodable file names) as question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
