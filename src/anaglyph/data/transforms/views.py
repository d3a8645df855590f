"""Which of an object's pictures a batch shows (dossier MixCon3D, 1.3); evaluation never draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anaglyph.data.records import Record
from anaglyph.data.transforms.ranges import Rows
from anaglyph.errors import ConfigError, DataError
from anaglyph.randomness import uniform


@dataclass(frozen=True, kw_only=True)
class ViewChoice:
    """How many pictures, and how often the maker's own is among them."""

    views: int = 0
    """M pictures per augmented access, drawn with repetitions (4 in MixCon3D, 1 in OpenShape); 0 shows all
    rendered ones in their order."""
    thumbnail: float = 0.5
    """Probability that the maker's picture, where there is one, takes the place of the first of the M."""
    evaluation_views: int = 0
    """Rendered views per access without augmentation, evenly spaced; 0 shows all. The maker's picture is
    never among them."""

    def __post_init__(self) -> None:
        if self.views < 0 or self.evaluation_views < 0 or not 0.0 <= self.thumbnail <= 1.0:
            raise ConfigError(
                f"views={self.views} and evaluation_views={self.evaluation_views} must be >= 0, "
                f"thumbnail={self.thumbnail} between 0 and 1."
            )


def choose_views(records: Sequence[Record], choice: ViewChoice, draws: Rows | None) -> Tensor | None:
    """(B, M, D) float32 vectors of pictures; None of a data set without."""
    counts = [len(record.images) for record in records]
    if not any(counts):
        return None
    widths = sorted({record.images.shape[1] for record in records if len(record.images)})
    if len(widths) > 1:
        raise DataError(
            f"pictures of one batch have vectors of {widths[0]} to {widths[-1]} numbers; one tower makes all."
        )
    asked = choice.evaluation_views if draws is None else choice.views
    drawn = draws is not None and asked > 0
    count = asked or max(counts)
    needed = 1 if drawn else count
    if min(counts) < needed:
        raise DataError(
            f"{needed} rendered views of each object are needed, one has {min(counts)}; leave it out, or set "
            f"{'evaluation_views' if draws is None else 'views'} to what all have."
        )
    vectors = np.empty((len(records), count, widths[0]), dtype=np.float32)
    for row, record in enumerate(records):
        if draws is not None and drawn:
            vectors[row] = _drawn(record, count, choice.thumbnail, draws[row : row + 1])
        else:
            vectors[row] = record.images[np.arange(count) * len(record.images) // count]
    return torch.from_numpy(vectors)


def _drawn(record: Record, count: int, thumbnail: float, key: Rows) -> NDArray[np.float32]:
    place = (uniform(key, "views/render", count)[0] * len(record.images)).astype(np.int64)
    places = np.minimum(place, len(record.images) - 1)
    chosen: NDArray[np.float32] = record.images[places].astype(np.float32)  # (M, D)
    if record.thumbnail is not None and uniform(key, "views/thumbnail")[0] < thumbnail:
        chosen[0] = record.thumbnail
    return chosen
