"""A cluster that somebody else runs, and that the harness neither makes nor changes nor ends."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.harness.commands import run
from tests.cluster.harness.kubectl import Kubectl
from tests.cluster.harness.progress import Progress
from tests.setup.errors import HarnessError


@dataclass(frozen=True, slots=True)
class ExistingCluster:
    """The cluster that KUBECONFIG names, with its current context."""

    state: Path

    @property
    def kubeconfig(self) -> Path:
        """A copy of the current context with everything that it needs inside."""
        return self.state / "admin.kubeconfig"

    @property
    def audit_log(self) -> Path | None:
        """Not ours to read."""
        return None

    def is_up(self) -> bool:
        """Whether it has nodes that are ready."""
        return bool(Kubectl(self.kubeconfig).ready_nodes())

    def check(self) -> None:
        """Refuse to guess which cluster is meant."""
        if not os.environ.get("KUBECONFIG"):
            raise HarnessError(
                "KUBECONFIG is unset, so --existing names no cluster.",
                user_action="Set it to the cluster's kubeconfig.",
            )

    def up(self, progress: Progress) -> None:
        """Take note of it.

        Raises
        ------
        HarnessError
            It does not answer. Retryable once it does.
        """
        flat = run(
            ["kubectl", "config", "view", "--raw", "--flatten", "--minify"],
            user_action="Mend the file that KUBECONFIG names.",
        )
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(flat)
        nodes = Kubectl(self.kubeconfig).ready_nodes()
        if not nodes:
            raise HarnessError(
                "The cluster that KUBECONFIG names has no node that is ready, or does not answer.",
                user_action="See what it says: kubectl get nodes",
            )
        progress(f"using the cluster with the nodes {', '.join(nodes)}")

    def down(self, progress: Progress) -> None:
        """Forget it."""
        progress("forgetting the cluster, which stays as it is")
        self.kubeconfig.unlink(missing_ok=True)

    def load_image(self, archive: Path) -> None:
        """Refuse: nothing reaches the nodes of somebody else's cluster but by a registry.

        Raises
        ------
        HarnessError
            Always. Retryable: no.
        """
        raise HarnessError(
            f"{archive.name} cannot be loaded into a cluster that the harness did not make.",
            user_action="Push the image to a registry that the cluster pulls from.",
        )
