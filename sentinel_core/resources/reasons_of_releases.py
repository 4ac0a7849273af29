"""Reasons for which a pipeline has no release, or its servers do not take it up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sentinel_core.resources.reason import ReasonDoc

_MESSAGE = "Mend what the message names, at the place that it names, and apply it again."

RELEASE_REASONS: Final[Mapping[str, ReasonDoc]] = {
    "SpecInvalid": ReasonDoc(
        "spec",
        "The resource is not one that this version of the operator reads.",
        "Mend what the message names; after an upgrade, apply the CRDs of the operator's version.",
    ),
    "InputNotFound": ReasonDoc(
        "inputs",
        "A ConfigMap that the resource names, or the key in it, is not there.",
        "Add the ConfigMap or the key in the same namespace, or correct the reference.",
        retryable=True,
    ),
    "InputNotLabelled": ReasonDoc(
        "inputs",
        "A ConfigMap that the resource names is there, but lacks the label by which it is watched.",
        "Label each ConfigMap that is named: kubectl label configmap CONFIGMAP "
        "sentinel.dev/input=true, or the same under metadata.labels.",
        retryable=True,
    ),
    "InvalidDocument": ReasonDoc(
        "inputs",
        "The feature spec, the rules, a list, or a block of the pipeline has faults, or they do not "
        "fit each other. The message has every one with its place.",
        f"{_MESSAGE} sentinel release compile -f FOLDER says the same without a cluster.",
    ),
    "ModelNotFound": ReasonDoc(
        "models",
        "A SentinelModel that the pipeline names is not in its namespace.",
        "Add the SentinelModel in the same namespace, or correct modelRef.",
        retryable=True,
    ),
    "ModelNotProposed": ReasonDoc(
        "models",
        "The SentinelModel still has the digest of zeros: no artifact was proposed for it.",
        "Train a model, then write it into the manifest: sentinel propose --help.",
    ),
    "ModelNotReady": ReasonDoc(
        "models",
        "A SentinelModel that the pipeline names has no proven artifact yet, or its server does not "
        "serve the one that the release needs.",
        "Look at that model: kubectl describe smodel MODEL.",
        retryable=True,
    ),
    "ModelHasNoServer": ReasonDoc(
        "models",
        "The pipeline calls a model with placement: Remote, and that model has no server.",
        "Give the SentinelModel a spec.server, or write placement: Inline.",
    ),
    "ReleaseTooLarge": ReasonDoc(
        "release",
        "The compiled release is larger than an object of a cluster may be.",
        "Shorten the rule pack, or split the pipeline by type of event.",
    ),
    "ProjectionTooLarge": ReasonDoc(
        "release",
        "The release with the rows of its lists takes more than half of what a ConfigMap holds (512 "
        "KiB), so the next one would not fit beside it.",
        "Shorten the lists: drop entries that have expired, or give what many share a rule.",
    ),
    "ReleaseUnreadable": ReasonDoc(
        "release",
        "A release is of a format that the version of a pod, or of the operator, does not read.",
        "Let image and operator be of one version: leave spec.server.image empty, and after a step back "
        "of the operator do what the message says.",
    ),
    "SplitUnreadable": ReasonDoc(
        "release",
        "A pod was given a split that is not a share of the traffic.",
        "Let image and operator be of one version: leave spec.server.image empty.",
    ),
    "FeatureSpecMismatch": ReasonDoc(
        "release",
        "A model was trained on features that the pipeline defines otherwise.",
        "Give the pipeline the feature spec of the training, or train the model on this one.",
    ),
    "EventTypeChanged": ReasonDoc(
        "release",
        "The pod's record holds events of another type than the new release decides.",
        "Give each type of event a pipeline of its own: apply it under another name.",
    ),
    "ListNameTaken": ReasonDoc(
        "release",
        "Two lists of the pipeline have one name.",
        "Rename one of them, also where rules read it.",
    ),
    "ListMissing": ReasonDoc(
        "release",
        "The rows of a list are not where the pod looks for them.",
        "Wait a minute for the kubelet; then delete the pod, which mounts them anew.",
        retryable=True,
    ),
    "ListDamaged": ReasonDoc(
        "release",
        "The rows of a list are not those that the release names.",
        "Do not edit the ConfigMap of a server by hand; the operator puts it back.",
        retryable=True,
    ),
}
