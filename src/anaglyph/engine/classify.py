"""Models, pictures and clouds of a user named by classes: by picture, by cloud and by both together.

    p_I, p_P = softmax(logits)             of a run of crossmost its teacher's, of a space cosines times SCALE
    joint    = (p_I + p_P) / 2             or the one there is

With LEAST or more objects that have both, all three are brought to the temperature at which their mean top
score is the share of the N objects on which picture and cloud agree, at most (N + 1) / (N + 2), as N
agreements in a row leave room for doubt (Laplace's rule of succession): the scores of many objects then
say about how often they are right, without a label. Fewer objects leave scores as they are, and the result
says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.described import in_colour
from anaglyph.data.weak_strong import clouds_unchanged
from anaglyph.encoders.spaces.open import open_space
from anaglyph.encoders.spaces.space import Space
from anaglyph.engine.class_names import name_vectors
from anaglyph.engine.models import SavedMethod, load_method
from anaglyph.engine.tasks.naming import ChoosesClasses
from anaglyph.engine.zero_shot_subject import is_space
from anaglyph.errors import ConfigError
from anaglyph.evaluation.calibration import agreement, sharpened_to
from anaglyph.types import Batch

SCALE = 20.0
"""Factor on the cosines of a space."""
LEAST = 20
"""Objects with picture and cloud from which on scores are calibrated."""
UNSURE = 0.5
"""Joint scores below it are called unsure."""
MANY = 500
"""Names, of which more are read in one sentence each instead of 64: thousands would take minutes."""
_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Unnamed:
    """An object to name; one of the two may be missing."""

    key: str
    """What the user calls it."""
    pictures: NDArray[np.uint8] | None = None
    """(V, 1 or 3, H, W)."""
    cloud: NDArray[np.floating] | None = None
    """(P, 3 or 6), +y up in the unit sphere, colours in [0, 1]."""


class Namer(Protocol):
    """What chooses among classes."""

    name: str
    """For people."""
    classes: tuple[str, ...]
    pixels: int
    """Side of pictures."""

    def logits(self, modality: str, objects: Sequence[Unnamed]) -> Tensor:
        """(B, C) for "image" or "shape" of objects that have it."""
        ...


@dataclass(frozen=True)
class Named:
    """What came of it; row i of everything is object i."""

    classes: tuple[str, ...]
    scores: dict[str, Tensor]
    """"image", "shape", "joint" -> (N, C) probabilities; a row of NaN where the object lacks that."""
    calibrated: bool
    agreement: float | None
    """Share of objects on which picture and cloud say the same; None without an object that has both."""
    rule: str
    """In a sentence, where the scores come from."""

    def top(self, row: int, count: int) -> list[tuple[str, float]]:
        """The likeliest classes of an object by all that it has, with their scores."""
        values, places = self.scores["joint"][row].sort(descending=True, stable=True)
        return [(self.classes[p], float(v)) for p, v in list(zip(places, values, strict=True))[:count]]

    def unsure(self, row: int) -> bool:
        """Whether the best score is below UNSURE."""
        return self.top(row, 1)[0][1] < UNSURE

    def score(self, modality: str, row: int, name: str) -> float | None:
        """Of one class by "image" or "shape"; None where the object lacks that."""
        value = float(self.scores[modality][row, self.classes.index(name)])
        return None if np.isnan(value) else value


def open_namer(source: str | Path, classes: Sequence[str], *, root: Path, device: torch.device) -> Namer:
    """A run of crossmost or self_training, or a space such as `mini` that reads the names.

    Args:
        source: run folder, weights file, or whatever `open_space` takes.
        classes: names; none for a run, which has its own.
        root: of the data sets, where relative sources of towers start.
        device: where to compute.

    Raises:
        ConfigError: classes for a run, none for a space, or a method that does not name.
    """
    if is_space(Path(source)):
        if len(classes) < 2:
            raise ConfigError(
                f"'{source}' can be asked for any classes, so say which: --classes chair,table,lamp, or a "
                f"file of names."
            )
        return SpaceNamer(open_space(source, root=root, device=device), tuple(classes))
    saved = load_method(source)
    if not isinstance(saved.method, ChoosesClasses):
        raise ConfigError(
            f"'{source}' is a run of {saved.spec.method}, which does not choose among classes. Pass one of "
            f"crossmost, or a space (mini, a run's `anaglyph models export`) with --classes."
        )
    if classes:
        raise ConfigError(
            f"'{source}' has learned its own classes ({', '.join(saved.method.class_names)}); leave "
            f"--classes out, or pass a space such as mini."
        )
    return RunNamer(saved, str(source), device)


class SpaceNamer:
    """A space whose text tower reads the names."""

    def __init__(self, space: Space, classes: tuple[str, ...]) -> None:
        self.space, self.classes, self.name = space, classes, space.name
        self.pixels = space.pixels
        family = "official64" if len(classes) <= MANY else "article"
        self.vectors = name_vectors(classes, space.texts, tower=space.name, templates=family)

    def logits(self, modality: str, objects: Sequence[Unnamed]) -> Tensor:
        """(B, C) cosines times SCALE."""
        if modality == "image":
            vectors = torch.cat([self.space.views(_pictures(each)) for each in objects])
        else:
            vectors = self.space.shapes(torch.stack([_cloud(each) for each in objects]))
        return SCALE * vectors.float() @ self.vectors.T


class RunNamer:
    """The teacher of a run of crossmost."""

    def __init__(self, saved: SavedMethod, name: str, device: torch.device) -> None:
        assert saved.weak_strong is not None  # a recipe of a method that chooses classes has it
        self.shown, self.name, self.device = saved.weak_strong, name, device
        method = saved.method.to(device)
        assert isinstance(method, ChoosesClasses)
        self.method: ChoosesClasses = method
        self.classes = tuple(method.class_names)
        if "size" not in saved.data.options:
            raise ConfigError(
                f"'{name}' was trained on {saved.data.name}, which names no size of pictures; pass a run on "
                f"pictures of one size, such as model_folder's."
            )
        self.pixels = int(saved.data.options["size"])

    @torch.no_grad()
    def logits(self, modality: str, objects: Sequence[Unnamed]) -> Tensor:
        """(B, C) of the teacher."""
        keys = tuple(each.key for each in objects)
        indices = torch.arange(len(objects))
        if modality == "image":
            images = torch.cat([_pictures(each) for each in objects])
            batch = Batch(keys=keys, indices=indices, images=images)
        else:
            clouds = np.stack([_cloud(each).numpy() for each in objects])
            if clouds.shape[2] < self.shown.stored_channels:
                raise ConfigError(
                    f"'{self.name}' reads colours of clouds, and '{keys[0]}' and its like have none; name "
                    f"the models that they were taken from."
                )
            batch = Batch(keys=keys, indices=indices, points=clouds_unchanged(clouds, self.shown))
        return self.method.class_logits(modality, batch.to(self.device)).float().cpu()


def name_objects(objects: Sequence[Unnamed], namer: Namer, *, calibrate: bool = True) -> Named:
    """Scores of every object, calibrated where there are enough.

    Args:
        objects: one or more.
        namer: what chooses.
        calibrate: False leaves scores as they are, however many there are.

    Raises:
        ValueError: an object with neither picture nor cloud, or none at all.
    """
    if not objects or any(each.pictures is None and each.cloud is None for each in objects):
        raise ValueError("every object needs a picture or a cloud, and there must be one")
    has = {
        "image": [row for row, each in enumerate(objects) if each.pictures is not None],
        "shape": [row for row, each in enumerate(objects) if each.cloud is not None],
    }
    shape = (len(objects), len(namer.classes))
    scores = {}
    for modality, rows in has.items():
        scores[modality] = torch.full(shape, float("nan"), dtype=torch.float64)
        for group in _alike(rows, objects, modality):
            logits = namer.logits(modality, [objects[row] for row in group])
            scores[modality][group] = logits.double().softmax(dim=1)
    both = sorted(set(has["image"]) & set(has["shape"]))
    scores["joint"] = torch.stack([scores["image"], scores["shape"]]).nanmean(dim=0)
    agreed = agreement(scores["image"][both], scores["shape"][both]) if both else None
    share = None
    if calibrate and agreed is not None and len(both) >= LEAST:
        share = min(agreed, (len(both) + 1) / (len(both) + 2))
        for name, each in scores.items():
            rows = has.get(name, list(range(len(objects))))
            each[rows] = sharpened_to(each[rows].clamp(min=1e-12).log(), share)
    return Named(namer.classes, scores, share is not None, agreed, _rule(share, agreed, len(both)))


def _rule(share: float | None, agreed: float | None, both: int) -> str:
    joint = "The class is the one with the highest mean of both probabilities, or of the one there is"
    if share is not None:
        return (
            f"{joint}. Scores are scaled so that on average they are {share:.2f}: picture and points agree "
            f"on {agreed:.2f} of these objects, which is about how often the answers are right, not checked "
            f"against any label."
        )
    return (
        f"{joint}. Scores are NOT calibrated: that takes {LEAST} objects with picture and points, and there "
        f"are {both}."
    )


def _alike(rows: Sequence[int], objects: Sequence[Unnamed], modality: str) -> list[list[int]]:
    """Rows in groups that can be computed together."""
    groups: dict[tuple[int, ...], list[int]] = {}
    for row in rows:
        array = objects[row].pictures if modality == "image" else objects[row].cloud
        assert array is not None
        groups.setdefault(array.shape, []).append(row)
    return [each[i : i + _AT_ONCE] for each in groups.values() for i in range(0, len(each), _AT_ONCE)]


def _pictures(each: Unnamed) -> Tensor:
    """(1, V, 3, H, W) in [0, 1]."""
    assert each.pictures is not None
    return torch.from_numpy(in_colour(each.pictures)[None].copy()).float() / 255.0


def _cloud(each: Unnamed) -> Tensor:
    """(P, 3 or 6)."""
    assert each.cloud is not None
    return torch.from_numpy(each.cloud.astype(np.float32))
