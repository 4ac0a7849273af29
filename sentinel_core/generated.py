"""Writing generated files, and telling when one is stale."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def write_files(text_by_path: Mapping[Path, str], *, check: bool, task: str) -> int:
    """Write files, or check that they are as they would be written.

    Parameters
    ----------
    check : bool
        Write nothing; name each file that is stale on the error stream.
    task : str
        The task that writes them, for whoever finds one stale.

    Returns
    -------
    int
        Exit code: 1 where a file is stale.
    """
    stale = 0
    for path, text in text_by_path.items():
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            sys.stderr.write(f"{path} is stale. Write it anew: ./task {task}\n")
            stale = 1
    return stale
