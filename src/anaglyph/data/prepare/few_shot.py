"""Point-BERT's few-shot folds, which are pickles, into one npz file each."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from anaglyph.data.datasets.modelnet40_few_shot import ModelNet40FewShot
from anaglyph.data.prepare.pickle_reader import PickleLimits, PickleReader
from anaglyph.errors import DataError
from anaglyph.io.atomic import write_bytes

LIMITS = PickleLimits(file_bytes=1 << 30, seconds=300.0, memory_bytes=4 << 30)


def convert_few_shot(source: ModelNet40FewShot, folder: Path) -> tuple[Path, ...]:
    """Write every fold that is there, of all ways and shots, and return the paths.

    Raises:
        DataError: no fold, or a damaged one.
    """
    found = sorted(folder.glob("*way*shot/*.pkl"))
    if not found:
        raise DataError(f"'{folder}' has no folds such as 5way10shot/0.pkl. {source.obtain}")
    written = []
    with PickleReader(LIMITS) as reader:
        for path in found:
            arrays = reader.read(path, "episode").arrays
            buffer = io.BytesIO()
            np.savez(buffer, **arrays)  # type: ignore[arg-type]
            target = path.with_suffix(".npz")
            write_bytes(target, buffer.getvalue())
            written.append(target)
    return tuple(written)
