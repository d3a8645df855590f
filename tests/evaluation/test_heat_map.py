"""A confusion matrix laid out for people."""

import pytest
import torch

from anaglyph.evaluation.heat_map import confusion_map


def test_cells_hold_counts_and_shares_of_their_row():
    heat = confusion_map("points", torch.tensor([[3, 1], [0, 4]]), ["chair", "stool"])
    assert [[cell.count for cell in row] for row in heat.rows] == [[3, 1], [0, 4]]
    assert [[cell.share for cell in row] for row in heat.rows] == [[0.75, 0.25], [0, 1]]
    assert [[cell.right for cell in row] for row in heat.rows] == [[True, False], [False, True]]
    assert heat.rows[0][1].words == "1 of 4 chair: taken for stool"
    assert heat.rows[1][1].words == "4 of 4 stool: rightly named"


def test_classes_without_objects_and_answers_are_left_out():
    confusion = torch.zeros(4, 4, dtype=torch.int64)
    confusion[0, 2] = 5
    heat = confusion_map("points", confusion, ["a", "b", "c", "d"])
    assert list(heat.names) == ["a", "c"]
    assert heat.rows[1][1].share == 0
    assert "Of 4 classes the 2 with the most mistakes are drawn; 0 mistakes lie outside" in heat.note


def test_of_many_classes_those_with_the_most_mistakes_are_drawn_in_their_order():
    confusion = torch.eye(50, dtype=torch.int64) * 9
    confusion[40, 3], confusion[7, 8], confusion[20, 21] = 6, 2, 1
    heat = confusion_map("points", confusion, [f"c{row}" for row in range(50)], most=4, note="So be it.")
    assert list(heat.names) == ["c3", "c7", "c8", "c40"]
    assert heat.note.startswith("So be it. Of 50 classes the 4 with the most mistakes are drawn; 1 mistakes")


def test_names_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"must be \(3, 3\) for these names, got \(2, 2\)"):
        confusion_map("points", torch.zeros(2, 2, dtype=torch.int64), ["a", "b", "c"])
