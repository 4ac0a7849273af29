"""What pages of the documentation tell people to type, and typing it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from tests.setup.cache import kubernetes_folder

ROOT = Path(__file__).parents[2]
_TASK = re.compile(r"^\./task (\S+)(?: -- (.*))?$")


def lines_of(page: Path, heading: str = "") -> list[str]:
    """Return the lines of a page's sh blocks, without comments.

    Parameters
    ----------
    heading : the whole line of the section that is meant, such as ``## Cluster``; empty means the page
    """
    text = page.read_text()
    if heading:
        _, _, text = text.partition(f"\n{heading}\n")
        level = heading.split(maxsplit=1)[0]
        text = text.split(f"\n{level} ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [re.sub(r"\s+# .*", "", line) for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def task_command(line: str) -> str:
    """Return the command behind a line such as ``./task k8s:up -- --existing``.

    Without the installing that a task begins with: tests run in what is installed.
    """
    match = _TASK.match(line)
    assert match is not None, line
    tasks = yaml.safe_load((ROOT / "Taskfile.yml").read_text())["tasks"]
    command: str = tasks[match[1]]["cmd"]
    command = command.replace("{{.PYTHON}}", sys.executable)
    return f"cd {ROOT} && {command.replace('{{.CLI_ARGS}}', match[2] or '')}"


@dataclass(slots=True)
class Terminal:
    """A shell of one who follows a page; what is exported stays.

    Attributes
    ----------
    folder : where it begins, a checkout or what looks like one
    printed : by line, what each wrote
    """

    folder: Path
    printed: dict[str, str] = field(default_factory=dict)
    _exports: list[str] = field(default_factory=list)

    def type(self, line: str) -> str:
        """Run a line and return what it wrote; it must succeed."""
        if line.startswith("export "):
            self._exports.append(line)
        ran = subprocess.run(
            self.command(line), cwd=self.folder, env=self.environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{line}\n{ran.stdout}\n{ran.stderr}"
        self.printed[line] = ran.stdout
        return ran.stdout

    def command(self, line: str) -> list[str]:
        """Return what runs a line, for those that start it themselves."""
        typed = task_command(line) if line.startswith("./task ") else line
        return ["sh", "-ec", "\n".join([*self._exports, typed])]

    @property
    def environment(self) -> dict[str, str]:
        """The environment, with the programs that were built and installed for the checkout."""
        path = [str(Path(sys.executable).parent), os.environ["PATH"], str(kubernetes_folder())]
        return os.environ | {"PATH": os.pathsep.join(path)}
