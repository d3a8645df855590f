"""What training shows of its events, on a terminal and piped."""

import io

from rich.console import Console

from anaglyph.cli.progress import Display, WaitColumn
from anaglyph.engine.events import Metrics, StageStarted, Step


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


def test_piped_lines_say_it_too_where_it_is_measured(capsys):
    display = Display("mine")
    display(Metrics("learn", 3, {"loss": 2.0, "data_wait_share": 0.0345678}))
    display(Metrics("learn", 6, {"loss": 1.0}))
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["mine learn step 3: loss 2  data_wait_share 0.03457", "mine learn step 6: loss 1"]
