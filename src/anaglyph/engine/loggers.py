"""Where metrics go: metrics.jsonl always, TensorBoard and Weights & Biases where asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from anaglyph.errors import MissingExtraError
from anaglyph.io.atomic import NO_ROOM, write_text


class Logger(Protocol):
    """Receives named numbers."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Record `values` at a step."""

    def close(self) -> None:
        """Flush and let go."""


class JsonLines:
    """One JSON object a line; on resume the lines after the checkpoint are dropped.

    Args:
        path: file to append to.
        keep: how many of the lines already there stay.
    """

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        kept = read_metrics(path)[:keep]
        write_text(path, "".join(json.dumps(row) + "\n" for row in kept))
        self.file = path.open("a", encoding="utf-8")

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append one line and flush it; on a full disk it waits in memory for the next one."""
        self.file.write(json.dumps({"step": step, **values}) + "\n")
        with _room_may_return():
            self.file.flush()

    def close(self) -> None:
        """Close the file."""
        with _room_may_return():
            self.file.close()


@contextmanager
def _room_may_return() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise


class TensorBoard:
    """Scalars for TensorBoard (extra `tensorboard`)."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtraError(what="logging to TensorBoard", extra="tensorboard") from error
        self.writer = SummaryWriter(str(folder))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add every value under its own tag."""
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Flush the event file."""
        self.writer.close()


class WeightsAndBiases:
    """Scalars for Weights & Biases (extra `wandb`)."""

    def __init__(self, folder: Path, *, name: str) -> None:
        try:
            import wandb
        except ImportError as error:
            raise MissingExtraError(what="logging to Weights & Biases", extra="wandb") from error
        self.run: Any = wandb.init(project="anaglyph", name=name, dir=str(folder))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Send the values."""
        self.run.log(dict(values), step=step)

    def close(self) -> None:
        """End the remote run."""
        self.run.finish()


LOGGERS: Mapping[str, Callable[[Path, str], Logger]] = {
    "tensorboard": lambda folder, name: TensorBoard(folder / "tensorboard"),
    "wandb": lambda folder, name: WeightsAndBiases(folder, name=name),
}


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics file; a last line that a crash cut short is left out."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows
