"""Label files in RoMo's released list format: one object per line, single spaces.

    relative/path label                 train and test lists
    relative/path pseudo_label label    what the first stage emits

A line's object id is the last part of its file name, so that lists of two modalities can be joined by id.
The released code pairs them by row instead, which mispairs its own lists (dossier RoMo, 4.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from anaglyph.errors import DataError
from anaglyph.io.atomic import write_text


@dataclass(frozen=True)
class LabelRow:
    """One line."""

    path: str
    label: int
    """The pseudo label in lines of three columns; -1 marks an object to ignore."""
    true_label: int | None = None
    """Third column; the released second stage reads the file and ignores it."""

    @property
    def object_id(self) -> str:
        """Last part of the file's stem: `seven_RGBImg_train_000042.png` -> `000042`."""
        return PurePosixPath(self.path).stem.rpartition("_")[2]


def write_label_file(path: Path, rows: Iterable[LabelRow]) -> None:
    """Write `rows` atomically; DataError for a path with white space, which would break the format."""
    lines = []
    for row in rows:
        if not row.path or row.path.split() != [row.path]:
            raise DataError(f"'{row.path}' is empty or has white space; a label file needs paths without.")
        true_label = () if row.true_label is None else (str(row.true_label),)
        lines.append(" ".join((row.path, str(row.label), *true_label)))
    write_text(path, "".join(line + "\n" for line in lines))


def read_label_file(path: Path) -> list[LabelRow]:
    """Read a list of two or three columns; DataError names the line that is not one."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"'{path}' is not UTF-8 text: {error.reason}. Write it again.") from error
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}. Check the path.") from error
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        parts = line.split()
        try:
            name, *labels = parts
            if not 1 <= len(labels) <= 2:
                raise ValueError(f"{len(parts)} columns")
            rows.append(LabelRow(name, *map(int, labels)))
        except ValueError as error:
            raise DataError(
                f"'{path}', line {number}: '{line[:80]}' is not 'path label [true_label]' with single words "
                f"and whole numbers ({error}). Paths with spaces cannot be used."
            ) from error
    return rows


def labels_by_id(rows: Sequence[LabelRow], *, whole_path: bool = False) -> dict[str, int]:
    """Object id -> label; by `object_id`, or by the whole path. DataError when an id stands twice."""
    result: dict[str, int] = {}
    for row in rows:
        key = row.path if whole_path else row.object_id
        if key in result:
            raise DataError(
                f"the id '{key}' stands twice in the list (second: '{row.path}'); ids are unique."
            )
        result[key] = row.label
    return result
