"""Reasons for which pods do not serve, or objects cannot be made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sentinel_core.resources.reason import ReasonDoc

_DESCRIBE = "kubectl describe pods -l sentinel.dev/resource=NAME"
_LOG = "kubectl logs -l sentinel.dev/resource=NAME"

_PODS: Final[Mapping[str, ReasonDoc]] = {
    "PodsPending": ReasonDoc(
        "server",
        "Fewer pods are ready than there should be, and nothing is wrong with them yet.",
        f"Wait; if it lasts, look at {_DESCRIBE}.",
        retryable=True,
    ),
    "Unschedulable": ReasonDoc(
        "server",
        "No node has what a pod asks for.",
        "Lower spec.server.resources.requests, add a node, or look for taints: " + _DESCRIBE + ".",
        retryable=True,
    ),
    "ImagePullFailed": ReasonDoc(
        "server",
        "A node cannot get the server's image.",
        "Correct spec.server.image, load the image into the cluster, or put the credentials of the "
        "registry into imagePullSecrets of the pod's ServiceAccount: NAME-model, NAME-decision, and "
        "default for a proof.",
        retryable=True,
    ),
    "CrashLooping": ReasonDoc(
        "server",
        "A pod ends again and again.",
        f"Look at its last words: {_LOG} --previous.",
        retryable=True,
    ),
    "OOMKilled": ReasonDoc(
        "server",
        "A pod, or the proof of an artifact, used more memory than its limit.",
        "Raise spec.server.resources.limits.memory, or train a smaller model; an artifact of a model "
        "without spec.server is proved within 1Gi.",
    ),
    "ContainerConfigInvalid": ReasonDoc(
        "server",
        "A node cannot set up a pod as it is declared, because a Secret or ConfigMap is missing, say.",
        f"Look at {_DESCRIBE}, and create what it names.",
        retryable=True,
    ),
    "ProgressDeadlineExceeded": ReasonDoc(
        "server",
        "A change of the pods has come no further for ten minutes.",
        f"Look at {_DESCRIBE}.",
        retryable=True,
    ),
    "PodNotAnswering": ReasonDoc(
        "server",
        "A ready pod does not say what it serves: the operator cannot reach its port 3002.",
        "Look for a NetworkPolicy that keeps the operator's namespace out, and at the pod's log: "
        f"{_LOG}.",
        retryable=True,
    ),
    "NotConfirmed": ReasonDoc(
        "server",
        "A ready pod does not yet say that it serves what is declared, though it was told.",
        f"Wait two minutes; if it lasts, look at its log: {_LOG}.",
        retryable=True,
    ),
}

_PROCESS: Final[Mapping[str, ReasonDoc]] = {
    "NotReady": ReasonDoc(
        "server",
        "A pod has nothing to serve yet.",
        "Wait for the other conditions; the message says what is missing.",
        retryable=True,
    ),
    "ModelServerNotReady": ReasonDoc(
        "models",
        "The server of a model that the pipeline calls does not serve the artifact of the new release "
        "yet; the release before it decides meanwhile.",
        "Wait; if it lasts, look at the conditions of the SentinelModel: kubectl get smodel.",
        retryable=True,
    ),
    "Configuration": ReasonDoc(
        "server",
        "A setting of the server is missing or contradicts another.",
        "Correct what the message names, in spec.server.env or in the Secret of the API keys.",
    ),
    "StoreLocked": ReasonDoc(
        "server",
        "Another process writes the record of the pod.",
        "Wait until the old pod has ended.",
        retryable=True,
    ),
    "StoreUnavailable": ReasonDoc(
        "server",
        "A pod cannot write its record.",
        "Look for a full disk: kubectl describe node, and the limit ephemeral-storage.",
        retryable=True,
    ),
    "NotFound": ReasonDoc(
        "server",
        "Something that the release names is not in the pod's record.",
        f"Look at the message and at the log: {_LOG}. Deleting the pod begins a new record.",
    ),
    "Unexpected": ReasonDoc(
        "server",
        "A pod met an error that it did not expect.",
        f"Look into its log for the trace: {_LOG}. Please report it.",
        retryable=True,
    ),
}

_CHILDREN: Final[Mapping[str, ReasonDoc]] = {
    "NameTaken": ReasonDoc(
        "children",
        "An object that the operator would make exists already and belongs to somebody else; it is "
        "not touched.",
        "Remove or rename that object, or rename the resource.",
        retryable=True,
    ),
    "QuotaExceeded": ReasonDoc(
        "children",
        "The namespace's ResourceQuota leaves no room for an object or a pod.",
        "Ask for a larger quota, or lower replicas and resources: kubectl describe quota.",
        retryable=True,
    ),
    "ChildRefused": ReasonDoc(
        "children",
        "The API server refuses an object that the operator makes, or the pod of one; the message says "
        "which, or has its words.",
        "Look for an admission policy of the cluster that the object does not satisfy.",
        retryable=True,
    ),
    "PermissionDenied": ReasonDoc(
        "children",
        "The operator may not read or write an object in this namespace.",
        "Install the operator's roles for this namespace: helm upgrade, with it in watchNamespaces.",
        retryable=True,
    ),
}

SERVER_REASONS: Final[Mapping[str, ReasonDoc]] = {**_PODS, **_PROCESS, **_CHILDREN}
