"""kubectl, as the harness and the tests call it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.setup.cache import program
from tests.setup.errors import HarnessError


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl with one kubeconfig.

    What it learns of the API stays beside the kubeconfig: in its usual place, by address, it would
    hold what another cluster at the same port could do.
    """

    kubeconfig: Path

    def command(self, *arguments: str) -> list[str]:
        """Return the command line, for those who start it themselves."""
        cache = self.kubeconfig.with_name(f"{self.kubeconfig.name}.cache")
        files = [f"--kubeconfig={self.kubeconfig}", f"--cache-dir={cache}"]
        return [str(program("kubectl")), *files, *arguments]

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever the end is."""
        return subprocess.run(
            self.command(*arguments), input=stdin, capture_output=True, text=True, check=False
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what it printed.

        Raises
        ------
        HarnessError
            It failed; with what it said.
        """
        ran = self.run(*arguments, stdin=stdin)
        if ran.returncode != 0:
            raise HarnessError(
                f"kubectl {' '.join(arguments)} failed: {ran.stderr.strip()}",
                user_action="Mend what kubectl says, or ask ./task k8s:status how the cluster is.",
            )
        return ran.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return an object, or a list of them, as the API server gives it."""
        found: dict[str, Any] = json.loads(self("get", *arguments, "--output=json"))
        return found

    def apply(self, *objects: dict[str, Any]) -> None:
        """Apply objects by server-side apply."""
        self("apply", "--server-side", "--filename=-", stdin=yaml.safe_dump_all(objects))

    def ready_nodes(self) -> list[str]:
        """Return the names of the nodes that are ready; none where the API server does not answer."""
        ran = self.run("get", "nodes", "--output=json", "--request-timeout=5s")
        nodes = json.loads(ran.stdout)["items"] if ran.returncode == 0 else []
        return sorted(node["metadata"]["name"] for node in nodes if _is_ready(node))


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", ())
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
