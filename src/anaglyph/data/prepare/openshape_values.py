"""What OpenShape's pickles hold, as arrays and texts (dossier MixCon3D, 2.2); runs in the limited child.

Each function takes the plain value of one file and gives named arrays and facts that JSON can hold, or a
ValueError or TypeError that says what is wrong with the value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anaglyph.data.records import TextSource

Arrays = dict[str, NDArray[Any]]
Facts = dict[str, Any]
MAX_TEXTS = 512
"""Texts of one object."""
MAX_LETTERS = 1000
"""Of one text; the rest is cut off, its vector stays that of the whole."""
_CAPTIONS = (
    ("blip_caption", TextSource.CAPTION),
    ("msft_caption", TextSource.OTHER_CAPTION),
)


def record(value: Any, *, key: str, first_name: bool) -> tuple[Arrays, Facts]:
    """One object: xyz, rgb, images, thumbnail, texts, sources; its texts as facts.

    Raw texts and captions have the vectors averaged over templates, retrieved ones the plain vectors, as the
    published training reads them. `first_name` keeps the first raw text alone, as it does for Objaverse.
    """
    about = _mapping(value, "a record")
    if about.get("id") != key:
        raise ValueError(f"it is the record of {ascii(about.get('id'))[:80]}")
    found: list[tuple[str, TextSource, NDArray[np.float32]]] = []
    raw = _texts(about, "text")
    names = list(zip(raw, _vectors(about, "text_feat", len(raw), "prompt_avg"), strict=True))
    for text, vector in names[:1] if first_name else names:
        found.append((text, TextSource.NAME, vector))
    for name, source in _CAPTIONS:
        caption = about.get(name)
        if isinstance(caption, str) and caption:
            feature = _mapping(about.get(f"{name}_feat"), f"{name}_feat")
            found.append((caption, source, _vector(feature.get("prompt_avg"), f"{name}_feat")))
    retrieved = _texts(about, "retrieval_text")
    vectors = _vectors(about, "retrieval_text_feat", len(retrieved), "original")
    found += [(text, TextSource.RETRIEVED, vector) for text, vector in zip(retrieved, vectors, strict=True)]
    if len({len(vector) for _, _, vector in found}) > 1:
        raise ValueError("its texts have vectors of different sizes")
    images = _numbers(about.get("image_feat"), "image_feat", axes=2)
    arrays: Arrays = {
        "xyz": _numbers(about.get("xyz"), "xyz", axes=2, last=3),
        "rgb": _numbers(about.get("rgb"), "rgb", axes=2, last=3),
        "images": images,
        "texts": np.stack([vector for _, _, vector in found]) if found else np.empty((0, images.shape[1])),
        "sources": np.array([source for _, source, _ in found], dtype=np.uint8),
    }
    if about.get("thumbnail_feat") is not None:
        arrays["thumbnail"] = _vector(about["thumbnail_feat"], "thumbnail_feat")
    return arrays, {"texts": [text[:MAX_LETTERS] for text, _, _ in found]}


def clouds(value: Any) -> tuple[Arrays, Facts]:
    """Test clouds, as a list of {xyz, rgb} or as a mapping of stacked arrays: xyz, rgb, lengths, label."""
    if isinstance(value, Mapping):
        xyz = [_numbers(each, "xyz", axes=2, last=3) for each in value.get("xyz", ())]
        rgb = [_numbers(each, "rgb", axes=2, last=3) for each in value.get("rgb", ())]
        arrays: Arrays = {"label": np.asarray(value["label"]).astype(np.int64).reshape(-1)}
    elif isinstance(value, list):
        rows = [_mapping(each, "a cloud") for each in value]
        xyz = [_numbers(each.get("xyz"), "xyz", axes=2, last=3) for each in rows]
        rgb = [_numbers(each["rgb"], "rgb", axes=2, last=3) for each in rows if each.get("rgb") is not None]
        arrays = {}
    else:
        raise TypeError(f"it holds a {type(value).__name__}, neither a list nor a mapping of clouds")
    lengths = [len(each) for each in xyz]
    if not xyz or (rgb and [len(each) for each in rgb] != lengths):
        raise ValueError(
            f"it holds {len(xyz)} clouds with {len(rgb)} lists of colours, of the same sizes or none"
        )
    arrays |= {"xyz": np.concatenate(xyz), "lengths": np.array(lengths, dtype=np.int64)}
    if rgb:
        arrays["rgb"] = np.concatenate(rgb)
    return arrays, {}


def class_vectors(value: Any) -> tuple[Arrays, Facts]:
    """Names of classes in their order, and one vector each."""
    rows = _mapping(value, "a file of class vectors")
    names = [str(name)[:MAX_LETTERS] for name in rows]
    vectors = [
        _vector(_mapping(each, "a class").get("open_clip_text_feat"), "open_clip_text_feat")
        for each in rows.values()
    ]
    if not names or len({len(vector) for vector in vectors}) != 1:
        raise ValueError(f"it holds {len(names)} classes with vectors of different sizes, or none")
    return {"vectors": np.stack(vectors)}, {"names": names}


KINDS: dict[str, Callable[..., tuple[Arrays, Facts]]] = {
    "record": record,
    "clouds": clouds,
    "class_vectors": class_vectors,
}


def _mapping(value: Any, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{what} is a {type(value).__name__}; it must be a mapping")
    return value


def _texts(about: Mapping[Any, Any], name: str) -> list[str]:
    texts = about.get(name)
    if texts is None:
        return []
    texts = texts.tolist() if isinstance(texts, np.ndarray) else texts
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"'{name}' is no list of texts")
    if len(texts) > MAX_TEXTS:
        raise ValueError(f"'{name}' holds {len(texts)} texts; at most {MAX_TEXTS} are read")
    return texts


def _vectors(about: Mapping[Any, Any], name: str, count: int, kind: str) -> list[NDArray[np.float32]]:
    rows = about.get(name)
    rows = [] if rows is None else rows
    if not isinstance(rows, list) or len(rows) != count:
        raise ValueError(f"'{name}' is no list of {count} vectors")
    return [_vector(_mapping(row, name).get(kind), f"{name}.{kind}") for row in rows]


def _vector(value: Any, name: str) -> NDArray[np.float32]:
    if (
        not isinstance(value, np.ndarray)
        or value.dtype.kind != "f"
        or value.size != max(value.shape, default=0)
    ):
        raise ValueError(f"'{name}' is no vector of numbers")
    return value.reshape(-1).astype(np.float32)


def _numbers(value: Any, name: str, *, axes: int, last: int = 0) -> NDArray[np.float32]:
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu" or value.ndim != axes:
        raise ValueError(f"'{name}' is no array of numbers with {axes} axes")
    if last and value.shape[-1] != last:
        raise ValueError(f"'{name}' has shape {value.shape}; the last must be {last}")
    return value.astype(np.float32)
