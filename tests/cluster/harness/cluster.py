"""Which cluster there is, or is to be."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from tests.cluster.harness.existing import ExistingCluster
from tests.cluster.harness.kind import KindCluster
from tests.cluster.harness.leftovers import LOGS, RECORD
from tests.cluster.harness.own import OwnCluster
from tests.cluster.harness.progress import Progress
from tests.setup.cache import cache_root
from tests.setup.docker import docker_answers
from tests.setup.errors import HarnessError

CHECKOUT_KUBECONFIG = Path(__file__).parents[3] / ".sentinel" / "kubeconfig"
"""A copy for the tasks and for people, in the folder of the checkout that git does not see."""


class Cluster(Protocol):
    """What every kind of cluster can do."""

    @property
    def kubeconfig(self) -> Path:
        """Of an administrator."""

    @property
    def audit_log(self) -> Path | None:
        """The API server's log of writes, where it can be had."""

    def check(self) -> None:
        """Refuse where it could not be started."""

    def is_up(self) -> bool:
        """Whether it is whole."""

    def up(self, progress: Progress) -> None:
        """Make it whole, whatever there is of it."""

    def down(self, progress: Progress) -> None:
        """Remove it, whatever there is of it."""

    def load_image(self, archive: Path) -> None:
        """Bring an image from a Docker or OCI archive into all nodes."""


KINDS: dict[str, type[OwnCluster | KindCluster | ExistingCluster]] = {
    "own": OwnCluster,
    "kind": KindCluster,
    "existing": ExistingCluster,
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the state folder says of the cluster in it; whether it still runs, it cannot know.

    Attributes
    ----------
    kind : of `KINDS`
    complete : whether its start came to the end
    """

    kind: str
    complete: bool


def state_folder() -> Path:
    """Return the folder of this machine's cluster: ``$SENTINEL_K8S_STATE``, else one in the cache."""
    named = os.environ.get("SENTINEL_K8S_STATE")
    return Path(named).absolute() if named else cache_root() / "cluster-state"


def find_cluster() -> Cluster | None:
    """Return the cluster that is up; None where there is none, or not all of one."""
    recorded = _recorded()
    if recorded is None or not recorded.complete:
        return None
    cluster = KINDS[recorded.kind](state_folder())
    return cluster if cluster.is_up() else None


def running_cluster() -> Cluster:
    """Return the cluster that is up.

    Raises
    ------
    HarnessError
        There is none, or not all of one. Retryable once it was started.
    """
    cluster = find_cluster()
    if cluster is None:
        raise HarnessError("No cluster is up.", user_action="Run ./task k8s:up.")
    return cluster


def start_cluster(*, existing: bool) -> Cluster:
    """Start a cluster, unless the right one is up; what is left of a failed start is removed.

    Parameters
    ----------
    existing : take that which KUBECONFIG names; otherwise kind where Docker answers, else our own

    Raises
    ------
    HarnessError
        It could not be started, or a cluster of another kind is there.
    """
    kind = "existing" if existing else "kind" if docker_answers() else "own"
    progress = Progress()
    with _lock():
        recorded = _recorded()
        if recorded is not None and recorded.kind != kind:
            raise HarnessError(
                f"There is a cluster of another kind, {recorded.kind}, or what is left of one.",
                user_action="Run ./task k8s:down first.",
            )
        cluster = find_cluster()
        if cluster is not None:
            progress("the cluster is up already")
        else:
            cluster = _start(kind, progress)
        CHECKOUT_KUBECONFIG.parent.mkdir(exist_ok=True)
        shutil.copy(cluster.kubeconfig, CHECKOUT_KUBECONFIG)
        return cluster


def _start(kind: str, progress: Progress) -> Cluster:
    state = state_folder()
    cluster = KINDS[kind](state)
    cluster.check()
    _claim(state, kind)
    shutil.rmtree(state / LOGS, ignore_errors=True)
    try:
        cluster.up(progress)
    except BaseException:
        progress("that failed; removing what was begun")
        cluster.down(progress)
        _forget(state)
        raise
    _record(state, Recorded(kind, complete=True))
    return cluster


def stop_cluster() -> None:
    """Stop the cluster and remove what it made; without one, nothing happens.

    Raises
    ------
    HarnessError
        Something of it does not go away.
    """
    progress = Progress()
    with _lock():
        recorded = _recorded()
        if recorded is None:
            progress("no cluster is up")
            return
        KINDS[recorded.kind](state_folder()).down(progress)
        _forget(state_folder())
        CHECKOUT_KUBECONFIG.unlink(missing_ok=True)
        progress("the cluster is gone")


def _claim(state: Path, kind: str) -> None:
    """Make the folder ours, unless it holds something else: all in it will be removed."""
    if state.exists() and any(state.iterdir()) and not (state / RECORD).exists():
        raise HarnessError(
            f"{state} holds something that is no cluster's state.",
            user_action="Name an empty folder in SENTINEL_K8S_STATE.",
        )
    state.mkdir(parents=True, exist_ok=True)
    # Before anything is begun, so that a start that is killed half way is found and removed.
    _record(state, Recorded(kind, complete=False))


def _recorded() -> Recorded | None:
    record = state_folder() / RECORD
    found = json.loads(record.read_text()) if record.exists() else {}
    return Recorded(**found) if found else None


def _record(state: Path, recorded: Recorded) -> None:
    # Moved into place, so that a start that is killed leaves no half of it.
    unfinished = state / f"{RECORD}.new"
    unfinished.write_text(json.dumps(asdict(recorded)))
    unfinished.replace(state / RECORD)


def _forget(state: Path) -> None:
    """Leave the folder ours, with the logs in it, but with no cluster."""
    (state / RECORD).write_text("{}")


@contextmanager
def _lock() -> Iterator[None]:
    """Let one start or stop at a time happen on this machine."""
    state = state_folder()
    state.parent.mkdir(parents=True, exist_ok=True)
    with state.with_name(f"{state.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
