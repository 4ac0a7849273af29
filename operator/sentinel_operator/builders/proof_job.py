"""The Job that proves an artifact before anything that serves may load it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sentinel_core.ids import canonical_json
from sentinel_core.resources.server import Resources
from sentinel_operator.builders.child import ROLE_LABEL, Child
from sentinel_operator.builders.pod import (
    HOMES,
    STORES_DIR,
    TMP,
    build_container_security,
    build_env,
    build_pod_security,
    build_resources,
    build_store_mounts,
    build_store_volumes,
)

PROOF_LABEL = "sentinel.dev/proof"
ATTEMPT_LABEL = "sentinel.dev/attempt"
CONTAINER = "proof"
VERDICT_FILE = "/dev/termination-log"
DEADLINE_SECONDS = 180
"""From when a node takes the pod: 120 for fetching the artifact (DEFAULT_BUDGET of the stores), the rest
for the image and the proof itself. Proving the sample takes a second."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proved, and with what.

    Attributes
    ----------
    store : name of the Secret that says how to reach the artifact's store
    public_key : the signer's key as PEM; None asks for no signature
    attempt : counted from 0; a proof that may succeed later is tried again under the next number
    """

    uri: str
    digest: str
    store: str | None
    public_key: str | None
    image: str
    resources: Resources
    attempt: int = 0

    @property
    def key(self) -> str:
        """All that the verdict depends on but the attempt, as 10 hexadecimal digits."""
        facts = [self.uri, self.digest, self.store, self.public_key, self.image]
        memory = self.resources.limits.memory
        return hashlib.sha256(canonical_json([*facts, memory])).hexdigest()[:10]


def proof_name(child: Child, proof: Proof) -> str:
    """Return the name of the Job; what would be another proof has another name."""
    name = f"{child.resource}-proof-{proof.key}"
    return name if proof.attempt == 0 else f"{name}-{proof.attempt}"


def build_proof_job(child: Child, proof: Proof, *, pull_policy: str) -> dict[str, Any]:
    """Build the Job. It is made once and never changed.

    Its memory limit is the server's, so that an artifact that would not fit there is found here.
    """
    stores = () if proof.store is None else (proof.store,)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": child.metadata(
            proof_name(child, proof), role="proof", proof=proof.key, attempt=str(proof.attempt)
        ),
        "spec": {
            # One pod, one verdict; trying again is the operator's, under another name.
            "backoffLimit": 0,
            "template": {
                "metadata": {"labels": {**child.labels, ROLE_LABEL: "proof"}},
                "spec": {
                    # The pod's and not the Job's: a Job deletes its pod then, and with it the reason.
                    "activeDeadlineSeconds": DEADLINE_SECONDS,
                    # It has nothing to finish, and one that hangs does not listen.
                    "terminationGracePeriodSeconds": 1,
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "securityContext": build_pod_security(),
                    "containers": [_container(proof, pull_policy)],
                    "volumes": [{"name": "tmp", "emptyDir": {}}, *build_store_volumes(stores)],
                },
            },
        },
    }


def _container(proof: Proof, pull_policy: str) -> dict[str, Any]:
    stores = () if proof.store is None else (proof.store,)
    arguments = ["prove", "--uri", proof.uri, "--digest", proof.digest]
    if proof.store is not None:
        arguments += ["--store", f"{STORES_DIR}/{proof.store}"]
    environment = {**HOMES, "SENTINEL_VERDICT_FILE": VERDICT_FILE}
    if proof.public_key is not None:
        environment["SENTINEL_PUBLIC_KEY"] = proof.public_key
    return {
        "name": CONTAINER,
        "image": proof.image,
        "imagePullPolicy": pull_policy,
        "args": arguments,
        "env": build_env(environment),
        "terminationMessagePath": VERDICT_FILE,
        "terminationMessagePolicy": "File",
        "resources": build_resources(proof.resources),
        "securityContext": build_container_security(),
        "volumeMounts": [{"name": "tmp", "mountPath": TMP}, *build_store_mounts(stores)],
    }
