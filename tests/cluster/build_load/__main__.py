"""Prepare the cluster that ./task k8s:up made for the chart and the sample manifests."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from sentinel_core.errors import SentinelError
from tests.cluster.build_load import api_key, artifact, store
from tests.cluster.build_load.builders import Builder, find_builder
from tests.cluster.build_load.images import ROOT, Built, build_images
from tests.cluster.build_load.loading import load_images
from tests.cluster.build_load.objects import apply_config_map, apply_secret
from tests.cluster.harness.cluster import running_cluster
from tests.cluster.harness.existing import ExistingCluster
from tests.cluster.harness.kubectl import Kubectl
from tests.setup.cache import kubernetes_folder
from tests.setup.errors import HarnessError

NAMESPACE = "default"
SIGNING_KEY = {"name": "model-signing", "key": "cosign.pub"}
NEXT = """
Next:
  export KUBECONFIG=$PWD/.sentinel/kubeconfig{path}
  helm install sentinel helm/sentinel -n sentinel-system --create-namespace
  kubectl apply -f manifests/samples/card-payments/
  kubectl wait --for=condition=Ready spipe/card-payments --timeout=120s
  ./task k8s:forward
Where the chart is installed already, pods take new images by: {restart}"""
RESTART = "kubectl -n sentinel-system rollout restart deployment"


def main() -> int:
    """Return 1 when a step failed; its words say what to do."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.build_load", description=__doc__)
    parser.add_argument(
        "--manifests", type=Path, default=artifact.SAMPLE, metavar="FOLDER",
        help="whose model gets uri and digest (%(default)s)",
    )  # fmt: skip
    options = parser.parse_args()
    try:
        cluster = running_cluster()
        builder = find_builder()
        built = build_images(builder)
        if isinstance(cluster, ExistingCluster):
            raise must_be_pushed(builder, built)
        kubectl = Kubectl(cluster.kubeconfig)
        kubectl.apply(store.namespace())
        load_images(cluster, kubectl, builder, built)
        _fill(kubectl, built, options.manifests)
    except SentinelError as error:
        print(error, file=sys.stderr)
        return 1
    path = "" if shutil.which("helm") else f" PATH=$PATH:{kubernetes_folder()}"
    print(NEXT.format(path=path, restart=RESTART))
    return 0


def must_be_pushed(builder: Builder, built: Sequence[Built]) -> HarnessError:
    """Say what is left to do where nothing can be put onto the nodes."""
    commands = [f"  {builder.push_command(one.image.references[0])}" for one in built]
    return HarnessError(
        "The images are built, but only a registry brings them to the nodes of this cluster:\n"
        + "\n".join(commands)
        + "\n",
        user_action="Push them, with your registry for REGISTRY; install the chart with "
        "--set image.operator.repository=REGISTRY/operator "
        "--set image.bento.repository=REGISTRY/bento; upload a model to an S3 store of yours with "
        "sentinel propose --to; and make the Secrets that manifests/samples/card-payments names.",
    )


def _fill(kubectl: Kubectl, built: Sequence[Built], manifests: Path) -> None:
    """Put the store with the model into the cluster, and what the sample manifests name."""
    (image,) = [one for one in built if one.image.name == store.NAME]
    credentials = store.deploy_store(kubectl, image)
    trained = artifact.sample_artifact()
    with store.store_folder(credentials) as folder:
        prefix = f"s3://{store.BUCKET}/card-fraud"
        artifact.propose(trained, manifests, prefix, folder, store.NAME)
    apply_secret(kubectl, NAMESPACE, store.NAME, credentials.settings(store.ENDPOINT))
    keys = api_key.key_file(api_key.load_or_draw(api_key.PATH))
    apply_secret(kubectl, NAMESPACE, api_key.SECRET, {"keys.yaml": keys})
    apply_config_map(
        kubectl,
        NAMESPACE,
        SIGNING_KEY["name"],
        {SIGNING_KEY["key"]: artifact.public_key()},
        {"sentinel.dev/input": "true"},
    )
    print(f"Secrets {store.NAME} and {api_key.SECRET}, ConfigMap {SIGNING_KEY['name']}: applied")
    print(f"API key: {api_key.PATH.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
