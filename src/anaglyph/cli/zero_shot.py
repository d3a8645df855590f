"""What `anaglyph evaluate --zero-shot` prints: a table per question, or JSON."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping, Sequence
from typing import Any

from anaglyph.cli.tables import show_table

MOST_ROWS = 25


def show_zero_shot(measured: Mapping[str, Any], *, json: bool) -> int:
    """Print what `measure_zero_shot` found; returns the exit code."""
    if json:
        print(jsonlib.dumps({key: value for key, value in measured.items() if key != "tables"}))
        return 0
    print(f"{measured['method']} on {measured['data']}, {measured['objects']} objects. {measured['inputs']}.")
    for leak in measured["leaks"]:
        print(f"GROUND-TRUTH LEAK in training: {leak}")
    for title, rows in measured["tables"].items():
        _show(title, rows)
    if measured["report"]:
        print(f"Confusions and all classes: {measured['report']}")
    return 0


def _show(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(rows[0])
    show_table(title, columns, [[_cell(row[name]) for name in columns] for row in rows[:MOST_ROWS]])
    if len(rows) > MOST_ROWS:
        print(f"... and {len(rows) - MOST_ROWS} more; --report FOLDER writes all of them.")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)
