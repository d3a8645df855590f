"""Tables on a terminal, tab-free plain text when piped."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; the first column is text, the others are aligned to the right where they are numbers."""
    table = Table(title=Text(title, style="bold"), title_justify="left", header_style="bold")
    for index, name in enumerate(columns):
        numeric = all(_numeric(row[index]) for row in rows) and index > 0
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(table)


def _numeric(cell: str) -> bool:
    return not cell or cell[0].isdigit() or cell[0] in "-+."
