"""The ``sentinel`` command, called as a shell calls it but in this process."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass

import pytest

from sentinel_core.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command left: its exit code, what it printed, and what it said on standard error."""

    code: int
    out: str
    err: str


@pytest.fixture
def sentinel(monkeypatch, capsys):
    def run(*arguments, stdin=b""):
        monkeypatch.setattr(sys, "argv", ["sentinel", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Ran(ended.value.code or 0, printed.out, printed.err)

    return run
