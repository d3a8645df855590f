"""Guards of a training run: non-finite steps are skipped and counted, a full disk is met with patience."""

import math
from pathlib import Path

from anaglyph.errors import DataError, TrainingError
from anaglyph.io.atomic import write_json

PATIENCE = 3


class FiniteGuard:
    """Skips steps whose loss or gradient is not finite; the third in a row ends the run.

    Args:
        report: file that lists the keys of every skipped batch, for whoever looks for the cause.

    Of several processes only one has `writes`.
    """

    def __init__(self, report: Path) -> None:
        self.report = report
        self.writes = True
        self.skipped: list[dict[str, object]] = []
        self.in_a_row = 0

    def admits(self, *, step: int, loss: float, norm: float, keys: tuple[str, ...]) -> bool:
        """True when the step may be taken.

        Raises:
            TrainingError: this is the third refused step in a row.
        """
        if math.isfinite(loss) and math.isfinite(norm):
            self.in_a_row = 0
            return True
        self.in_a_row += 1
        self.skipped.append({"step": step, "loss": str(loss), "gradient_norm": str(norm), "keys": list(keys)})
        if self.writes:
            write_json(self.report, self.skipped)
        if self.in_a_row >= PATIENCE:
            raise TrainingError(
                f"the loss or its gradient was not finite {PATIENCE} steps in a row (last: step {step}, "
                f"loss {loss}, gradient norm {norm}). Checkpoints, where there are any, are from "
                f"before; lower the learning rate or set optimiser.clip_norm. "
                f"The batches are listed in '{self.report}'."
            )
        return False

    def state(self) -> dict[str, object]:
        """What a checkpoint keeps of this guard."""
        return {"skipped": list(self.skipped), "in_a_row": self.in_a_row}

    def restore(self, state: dict[str, object]) -> None:
        """Continue from `state`."""
        self.skipped = list(state["skipped"])  # type: ignore[call-overload]
        self.in_a_row = int(state["in_a_row"])  # type: ignore[call-overload]


class DiskGuard:
    """Lets training survive one failed save; the second in a row ends it with what is still there."""

    def __init__(self) -> None:
        self.failures = 0

    def saved(self) -> None:
        """A save went through."""
        self.failures = 0

    def failed(self, error: DataError) -> str:
        """The note for the first failure.

        Raises:
            TrainingError: this is the second failure in a row.
        """
        self.failures += 1
        if self.failures >= 2:
            raise TrainingError(
                f"saving failed twice in a row: {error} The last good checkpoint is untouched; free some "
                f"space and continue with --resume."
            ) from error
        return f"could not save a checkpoint: {error} Training goes on and tries again at the next save."
