"""Arrays mapped from npy files that stay mapped when they travel to another process.

NumPy pickles a memory map as a copy of everything it shows, so that each loader process started by spawn or
forkserver would hold the whole data set. Rows of a `MappedArray` travel as the path and their place in the
file instead, and are mapped again where they arrive. Anything else made of one, such as a column or a copy,
travels as NumPy would have it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anaglyph.errors import DataError


class _File(NamedTuple):
    """What a mapping shows."""

    path: Path
    address: int
    """Of row 0 in this process."""
    shape: tuple[int, ...]
    kind: str


class MappedArray(np.memmap[Any, Any]):
    """A read-only memory map of an npy file, or a part of one."""

    _file: _File | None = None

    def __array_finalize__(self, other: object) -> None:
        """Parts of a mapped array know its file; NumPy tells them from copies by `_mmap`."""
        super().__array_finalize__(other)
        if getattr(self, "_mmap", None) is not None:
            self._file = getattr(other, "_file", None)

    def __getitem__(self, key: Any) -> Any:
        """Parts that had to be copied are ordinary arrays."""
        part = super().__getitem__(key)
        if isinstance(part, MappedArray) and part._file is None:
            return part.view(np.ndarray)
        return part

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """Results of arithmetic are ordinary, too."""
        plain = np.asarray(array)
        return plain[()] if return_scalar else plain

    def __reduce__(self) -> tuple[Any, ...]:
        """Whole rows by their place in the file, all else by value."""
        file, first = self._file, self._first_row()
        if file is None or first is None:
            by_value: tuple[Any, ...] = tuple(np.asarray(self).__reduce__())
            return by_value
        return _mapped_again, (file.path, file.shape, file.kind, first, len(self))

    def _first_row(self) -> int | None:
        """The row of the file that this begins with; None where it is something else than rows of it."""
        file = self._file
        if file is None or self.ndim != len(file.shape) or self.shape[1:] != file.shape[1:]:
            return None
        if self.dtype.str != file.kind or not self.flags.c_contiguous or self.size == 0:
            return None
        row, inside = divmod(
            self.__array_interface__["data"][0] - file.address, self[:1].size * self.itemsize
        )
        return None if inside else row


def map_array(path: Path) -> MappedArray:
    """The array of an npy file as a read-only map that can be pickled for what it costs to name it."""
    whole: MappedArray = np.load(path, mmap_mode="r", allow_pickle=False).view(MappedArray)
    address = whole.__array_interface__["data"][0]
    whole._file = _File(path.absolute(), address, whole.shape, whole.dtype.str)
    return whole


def _mapped_again(path: Path, shape: tuple[int, ...], kind: str, first: int, count: int) -> NDArray[Any]:
    """Rows `first` to `first + count` of a file that another process had mapped.

    Raises:
        DataError: the file is gone, or it is another one meanwhile.
    """
    try:
        whole = map_array(path)
    except (OSError, ValueError) as error:
        raise DataError(
            f"'{path}' cannot be mapped in a loader process ({error}), although it was when the data was "
            f"opened; it must stay in place during a run. Start again."
        ) from error
    if whole.shape != shape or whole.dtype.str != kind:
        raise DataError(
            f"'{path}' is {whole.dtype.str} of shape {whole.shape} in a loader process, and was {kind} of "
            f"shape {shape} when the data was opened; it must stay as it is during a run. Start again."
        )
    rows: NDArray[Any] = whole[first : first + count]
    return rows
