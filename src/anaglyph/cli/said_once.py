"""The log of a command: a run opens its data several times; what is to be said of them is said once."""

import logging


def log_to_stderr() -> None:
    """Print warnings, each sentence once; where somebody listens to the log already, nothing changes."""
    handler = logging.StreamHandler()
    handler.addFilter(SaidOnce())
    logging.basicConfig(
        level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", handlers=[handler]
    )


class SaidOnce(logging.Filter):
    """Lets each sentence through the first time."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[tuple[str, str]] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is new."""
        sentence = (record.name, record.getMessage())
        new = sentence not in self._said
        self._said.add(sentence)
        return new
