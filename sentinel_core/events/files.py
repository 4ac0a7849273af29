"""Files of events and labels, read so that text stays text."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet as pq

from sentinel_core.errors import Problem
from sentinel_core.events.columns import refusal
from sentinel_core.events.schema import PAYLOADS, schema_of

_TEXT_COLUMNS = ("id", "type", "occurred_at", "event_id", "label", "known_at")


def read_table(path: Path) -> pa.Table:
    """Read a Parquet, CSV or NDJSON file by its ending.

    Raises
    ------
    InvalidTableError
        The file cannot be read as what its ending says. Retryable: no.
    """
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path)
        if path.suffix == ".csv":
            return _read_csv(path)
        if path.suffix in (".ndjson", ".jsonl"):
            return _read_ndjson(path)
    except (pa.ArrowException, OSError) as error:
        message = f"{path.name} cannot be read: {str(error).splitlines()[0]}"
        raise refusal(message, [Problem(path.name, "not readable", "check the file")]) from error
    hint = "use .parquet, .csv, .ndjson or .jsonl"
    raise refusal(f"{path.name} has no known ending.", [Problem(path.name, "unknown ending", hint)])


def _read_csv(path: Path) -> pa.Table:
    """Read every cell of a CSV as text: 007 is a terminal, NO and NA are countries."""
    with pyarrow.csv.open_csv(path) as reader:
        names = reader.schema.names
    options = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
    )
    return pyarrow.csv.read_csv(path, convert_options=options)


def _read_ndjson(path: Path) -> pa.Table:
    """Read text as text: an id such as 2018-01-01 is no time, and a quoted amount no number."""
    declared = dict.fromkeys(_TEXT_COLUMNS, pa.string())
    for schema in map(schema_of, PAYLOADS):
        types = {"string": pa.string(), "number": pa.float64()}
        declared |= {n: types[f.type] for n, f in schema.fields.items() if f.type in types}
    options = pyarrow.json.ParseOptions(explicit_schema=pa.schema(declared.items()))
    table = pyarrow.json.read_json(path, parse_options=options)
    # A declared column that the file does not have comes out empty.
    absent = [n for n in declared if table[n].null_count == table.num_rows]
    return table.drop_columns(absent)
