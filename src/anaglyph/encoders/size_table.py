"""Published sizes as rows of a table, and networks that differ from their row in a few numbers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")


def overridden(row: Row, **numbers: float | None) -> Row:
    """The row with the numbers that are given in place of its own; its checks run again."""
    given = {name: number for name, number in numbers.items() if number is not None}
    return dataclasses.replace(row, **given)
