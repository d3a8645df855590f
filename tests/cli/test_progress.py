"""What training shows of its events, on a terminal and piped."""

import io

from rich.console import Console

from anaglyph.cli.progress import Display, WaitColumn
from anaglyph.cli.run_display import RunDisplay
from anaglyph.cli.run_listeners import EmbedListener, FeatureListener, IndexListener, RenderListener
from anaglyph.engine.embed_output import EmbedProgress
from anaglyph.engine.events import Metrics, StageStarted, Step
from anaglyph.engine.feature_output import FeatureProgress
from anaglyph.engine.render_files import Rendered
from anaglyph.search.indexer import Indexed, Scanned


def test_the_bar_says_which_share_of_the_time_went_by_waiting_for_data():
    display = Display()
    display(StageStarted("learn", 10, 0))
    column, (task,) = WaitColumn(), display.bars.tasks
    assert column.render(task).plain == ""
    display(Step("learn", 0, 1, 10, 32, 1.5, 0.034))
    assert column.render(task).plain == "data 3%"
    console = Console(file=io.StringIO(), width=160)
    console.print(display.bars.make_tasks_table(display.bars.tasks))
    assert "data 3%" in console.file.getvalue()


def shown(display):
    console = Console(file=io.StringIO(), width=160)
    console.print(display.bar.make_tasks_table(display.bar.tasks))
    return console.file.getvalue()


def test_a_bar_shows_how_far_it_is_what_went_wrong_and_the_rate_of_what_was_made():
    display = RunDisplay("rendering", "files")
    listener = RenderListener(display, 40)
    for state in ("kept", "made", "failed"):
        listener(Rendered("a", "a.obj", state))
    for part in ("rendering", "3 of 40 files", "1 not usable", " files/s", "left"):
        assert part in shown(display)
    (task,) = display.bar.tasks
    assert (task.completed, task.fields["made"]) == (3, 1)


def test_piped_a_line_is_said_at_each_tenth_and_none_when_quiet(capsys):
    for quiet in (False, True):
        listener = IndexListener(RunDisplay("indexing", "files", quiet=quiet))
        listener(Scanned("/models", 20, 3, 0))
        for done in range(1, 7):
            listener(Indexed("a.obj", done, 20, done // 4))
    assert capsys.readouterr().err.splitlines() == [
        "/models: 20 files to look into, 3 as before, 0 gone",
        "2 of 20 files", "4 of 20 files, 1 not usable", "6 of 20 files, 1 not usable",
    ]  # fmt: skip


def test_each_split_has_a_bar_of_its_own_and_what_was_there_is_no_work():
    display = RunDisplay("towers", "objects", quiet=True)
    listener = FeatureListener(display)
    for event in (FeatureProgress(4, 10, 0), FeatureProgress(10, 10, 6), FeatureProgress(1, 2, 1)):
        listener(event)
    assert [(task.total, task.completed, task.fields["made"]) for task in display.bar.tasks] == [
        (10, 10, 6), (2, 1, 1),
    ]  # fmt: skip


def test_clouds_are_counted_from_where_the_run_went_on():
    display = RunDisplay("embedding", "clouds")
    listener = EmbedListener(display)
    listener(EmbedProgress(clouds=100, share=0.5, skipped=0))
    listener(EmbedProgress(clouds=120, share=0.6, skipped=2))
    (task,) = display.bar.tasks
    assert task.fields["made"] == 20
    assert "120 clouds, 60% of the files" in shown(display)
    assert "2 skipped" in shown(display)


def test_piped_lines_say_it_too_where_it_is_measured(capsys):
    display = Display("mine")
    display(Metrics("learn", 3, {"loss": 2.0, "data_wait_share": 0.0345678}))
    display(Metrics("learn", 6, {"loss": 1.0}))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["mine learn step 3: loss 2  data_wait_share 0.03457", "mine learn step 6: loss 1"]
