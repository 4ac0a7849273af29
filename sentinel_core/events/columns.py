"""Columns of a table, cell by cell: what does not fit is named by its row, all faults at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ConfigDict, FailFast, TypeAdapter, ValidationError

from sentinel_core.errors import InvalidTableError, Problem
from sentinel_core.events.envelope import OLDEST_US

MAX_PROBLEMS = 20
"""Faults listed of one table; the message says how many there are in all."""

_TIME_FAULT = "is no time such as 2018-08-29T12:00:00Z, or finer than a microsecond"
_NUMBER_FAULT = "is not a number"


class Checks:
    """Gathers faults of a table and raises them together."""

    def __init__(self, rows: int) -> None:
        self.row_count = rows
        self.problems: list[Problem] = []
        self.found = 0

    def require(self, holds: bool, where: str, message: str, hint: str) -> None:  # noqa: FBT001 - reads as a sentence
        """Note a fault of a whole column, or of the table, unless something holds."""
        if not holds:
            self.found += 1
            self.problems.append(Problem(where, message, hint))

    def rows(self, column: str, wrong: np.ndarray, message: str) -> None:
        """Note a fault of each row that is flagged in (n,) bool."""
        bad = np.flatnonzero(wrong)
        self.found += len(bad)
        for row in bad[: max(0, MAX_PROBLEMS - len(self.problems))].tolist():
            self.problems.append(Problem(f"row {row + 1}, {column}", message, "correct this cell"))

    def columns(self, table: pa.Table, required: tuple[str, ...]) -> None:
        """Note columns that are missing, and names that stand over two columns."""
        names = table.column_names
        for name in required:
            self.require(name in names, f"column {name}", "is missing", "add it")
        for name in sorted({n for n in names if names.count(n) > 1}):
            self.require(False, f"column {name}", "is there twice", "keep one")

    def cells(self, column: str, values: Sequence[Any], rule: Any) -> None:
        """Hold each value of a column to a pydantic type; rows are named by what pydantic says."""
        config = ConfigDict(strict=True, allow_inf_nan=False)
        try:
            TypeAdapter(Annotated[list[rule], FailFast()], config=config).validate_python(values)
        except ValidationError:
            one = TypeAdapter(rule, config=config)
            said = {value: _said(one, value) for value in set(values)}
            for message in sorted(set(filter(None, said.values()))):
                wrong = np.array([said[v] == message for v in values], dtype=bool)
                self.rows(column, wrong, message)

    def finish(self) -> None:
        """Raise `InvalidTableError` with what was noted, if anything was."""
        if self.problems:
            faults = "1 fault:" if self.found == 1 else f"{self.found} faults; the first are:"
            message = f"The table of {self.row_count} rows has {faults}"
            raise refusal(message, self.problems)


def texts(table: pa.Table, name: str, checks: Checks) -> list[Any]:
    """Return the values of a column of text or whole numbers, as text."""
    column = table[name]
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (_is_text(column.type) or pa.types.is_integer(column.type)):
        # A float is refused too: a whole number with gaps comes as 7.0, which is another id than 7.
        checks.require(pa.types.is_null(column.type), f"column {name}", _holds(column), "give text")
        return [None] * len(column)
    found: list[Any] = pc.cast(column, pa.string()).to_pylist()
    return found


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _holds(column: pa.ChunkedArray) -> str:
    return f"holds values of type {column.type}"


def times_us(table: pa.Table, name: str, checks: Checks) -> np.ndarray:
    """Return microseconds since 1970 UTC; times without a zone are taken as UTC."""
    column = table[name]
    if _is_text(column.type):
        zoned = pc.match_substring_regex(column, r"(Z|[+-][0-9]{2}:?[0-9]{2})$")
        column = pc.if_else(zoned, column, pc.binary_join_element_wise(column, "Z", ""))
        moments = _cast(column, pa.timestamp("us", tz="UTC"), name, checks, _TIME_FAULT)
    elif pa.types.is_timestamp(column.type):
        moments = _cast(column, pa.timestamp("us", tz=column.type.tz), name, checks, _TIME_FAULT)
    else:
        hint = "write 2018-08-29T12:00:00Z"
        checks.require(pa.types.is_null(column.type), f"column {name}", _holds(column), hint)
        return np.full(len(column), OLDEST_US)
    checks.rows(name, pc.is_null(column).to_numpy(), "is empty")
    found: np.ndarray = pc.fill_null(pc.cast(moments, pa.int64()), OLDEST_US).to_numpy()
    return found


def _cast(
    column: pa.ChunkedArray, kind: pa.DataType, name: str, checks: Checks, fault: str
) -> pa.ChunkedArray:
    """Cast a column; cells that do not fit are named by their rows, and come out empty."""
    wrong = _misfits(column, kind)
    checks.rows(name, wrong, fault)
    return pc.cast(pc.if_else(pa.array(~wrong), column, pa.scalar(None, column.type)), kind)


def _misfits(column: pa.ChunkedArray, kind: pa.DataType) -> np.ndarray:
    """Tell for each cell whether it cannot be cast, halving the column around those that cannot."""
    wrong = np.zeros(len(column), dtype=bool)
    parts = [(0, len(column))]
    while parts:
        start, stop = parts.pop()
        try:
            pc.cast(column.slice(start, stop - start), kind)
        except pa.ArrowException:
            if stop - start == 1:
                wrong[start] = True
                continue
            middle = (start + stop) // 2
            parts += [(start, middle), (middle, stop)]
    return wrong


def numbers(table: pa.Table, name: str, checks: Checks) -> list[Any]:
    """Return the values of a column of numbers, all finite."""
    column = table[name]
    numeric = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
    decimal = pa.types.is_decimal(column.type)
    if not (numeric or decimal or _is_text(column.type)):
        hint = "give numbers"
        checks.require(pa.types.is_null(column.type), f"column {name}", _holds(column), hint)
        return [None] * len(column)
    values = _cast(column, pa.float64(), name, checks, _NUMBER_FAULT)
    finite = pc.fill_null(pc.is_finite(values), True).to_numpy()
    checks.rows(name, ~finite, "is not a finite number")
    found: list[Any] = pc.if_else(finite, values, pa.scalar(None, pa.float64())).to_pylist()
    return found


def _said(rule: TypeAdapter[Any], value: Any) -> str | None:
    """Return what pydantic has against a value."""
    try:
        rule.validate_python(value)
    except ValidationError as error:
        message: str = error.errors(include_url=False)[0]["msg"]
        return "is empty" if value is None else message.removeprefix("Value error, ")
    return None


def refusal(message: str, problems: list[Problem]) -> InvalidTableError:
    """Make the error that carries the faults of a file."""
    return InvalidTableError(
        message, tuple(problems), user_action="Correct the file and try again."
    )
