"""What the process writes to its standard error: one line for each thing that happened."""

from __future__ import annotations

import json
import logging

from sentinel_core.clock import SECOND_US, format_us
from sentinel_operator.config import Settings

_QUIET = ("kopf", "aiohttp.access", "asyncio")
"""They tell of each event and each request; what goes wrong they tell as warnings."""


class JsonLine(logging.Formatter):
    """One JSON object a line: time, level, logger, message and, where there is one, the trace."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        line = {
            "time": format_us(round(record.created * SECOND_US)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logs(settings: Settings) -> None:
    """Set up logging for the whole process."""
    handler = logging.StreamHandler()
    plain = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonLine() if settings.log_format == "json" else plain)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    for name in _QUIET:
        quiet = logging.WARNING if settings.log_level == "INFO" else settings.log_level
        logging.getLogger(name).setLevel(quiet)
