"""Start, stop and look at the cluster: ``python -m tests.cluster.harness up|down|status``."""

from __future__ import annotations

import argparse
import shutil
import sys

from sentinel_core.errors import SentinelError
from tests.cluster.harness.cluster import (
    CHECKOUT_KUBECONFIG,
    running_cluster,
    start_cluster,
    stop_cluster,
)
from tests.cluster.harness.status import print_status
from tests.setup.cache import kubernetes_folder


def main() -> int:
    """Return 1 when the command could not be carried out; its words say what to do."""
    options = _parser().parse_args()
    try:
        options.run(options)
    except SentinelError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.harness", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start the cluster, if it is not up")
    up.add_argument(
        "--existing", action="store_true", help="use the cluster that KUBECONFIG names instead"
    )
    up.set_defaults(run=_up)
    down = commands.add_parser("down", help="stop the cluster and remove all that it made")
    down.set_defaults(run=lambda _: stop_cluster())
    status = commands.add_parser("status", help="show nodes, pods, our resources and warnings")
    status.set_defaults(run=lambda _: print_status(running_cluster()))
    return parser


def _up(options: argparse.Namespace) -> None:
    cluster = start_cluster(existing=options.existing)
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    print(f"The same file: {CHECKOUT_KUBECONFIG}")
    if not (shutil.which("kubectl") and shutil.which("helm")):
        print(f"kubectl and helm: export PATH=$PATH:{kubernetes_folder()}")


if __name__ == "__main__":
    sys.exit(main())
