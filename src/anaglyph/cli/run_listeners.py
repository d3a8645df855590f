"""Events of the commands that work on many things, told to a `RunDisplay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anaglyph.cli.run_display import RunDisplay
    from anaglyph.engine.embed_output import EmbedProgress
    from anaglyph.engine.events import Note
    from anaglyph.engine.feature_output import FeatureProgress
    from anaglyph.engine.render_files import Rendered
    from anaglyph.search.indexer import IndexEvent


class IndexListener:
    """Of `index_folder`: a bar for each folder."""

    def __init__(self, display: RunDisplay) -> None:
        self.display = display

    def __call__(self, event: IndexEvent) -> None:
        """Draw one event."""
        from anaglyph.search.indexer import Scanned

        if isinstance(event, Scanned):
            self.display.say(
                f"{event.root}: {event.tasks} files to look into, {event.same} as before, {event.gone} gone",
                always=False,
            )
            if event.tasks:
                self.display.begin(event.tasks)
            return
        bad = _not_usable(event.problems)
        self.display.show(event.done, made=event.done, count=f"{event.done} of {event.tasks} files", bad=bad)


class RenderListener:
    """Of `render_files`."""

    def __init__(self, display: RunDisplay, total: int) -> None:
        self.display, self.total = display, total
        self.ended = self.made = self.failed = 0
        display.begin(total)

    def __call__(self, event: Rendered) -> None:
        """Draw the end of one model."""
        self.ended += 1
        self.made += event.state == "made"
        self.failed += event.state == "failed"
        count = f"{self.ended} of {self.total} files"
        self.display.show(self.ended, made=self.made, count=count, bad=_not_usable(self.failed))


class EmbedListener:
    """Of `embed_to_file`: the bar is the share of the files, clouds are counted."""

    def __init__(self, display: RunDisplay) -> None:
        self.display = display
        self.first: int | None = None

    def __call__(self, event: EmbedProgress | Note) -> None:
        """Draw one event."""
        from anaglyph.engine.events import Note

        if isinstance(event, Note):
            self.display.say(event.text)
            return
        if self.first is None:
            self.first = event.clouds
        skipped = f"{event.skipped} skipped" if event.skipped else ""
        count = f"{event.clouds} clouds, {event.share:.0%} of the files"
        self.display.show(event.share, made=event.clouds - self.first, count=count, bad=skipped)


class FeatureListener:
    """Of `compute_features`: a bar for each split."""

    def __init__(self, display: RunDisplay) -> None:
        self.display = display
        self.begun = False

    def __call__(self, event: FeatureProgress | Note) -> None:
        """Draw one event."""
        from anaglyph.engine.events import Note

        if isinstance(event, Note):
            self.display.say(event.text)
            return
        if not self.begun:
            self.display.begin(event.total)
        self.begun = event.objects < event.total
        count = f"{event.objects} of {event.total} objects"
        self.display.show(event.objects, made=event.new, count=count)


def _not_usable(count: int) -> str:
    return f"{count} not usable" if count else ""
