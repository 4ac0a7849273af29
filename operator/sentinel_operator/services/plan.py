"""What a reconciliation is given, and what it answers.

Both are values. A round reads the cluster into an `Observed...`, a service turns it into a `Plan`, and
the rooms that talk to the API server carry the plan out. The same observation gives the same plan,
whatever order its parts come in; after a plan was carried out, the next one changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Object = Mapping[str, Any]
"""A Kubernetes object as the API server gives it. Nobody writes into one that was read."""
Name = tuple[str, str]
"""Kind and name of an object in the resource's namespace, such as ``("Deployment", "a-model")``."""


@dataclass(frozen=True, slots=True)
class Served:
    """What one pod said when it was asked for ``GET /served``.

    Attributes
    ----------
    pod : name of the pod
    report : the answer; None where there was none
    """

    pod: str
    report: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Observed:
    """A resource and everything that bears on it, as last read.

    Attributes
    ----------
    resource : the SentinelModel or SentinelPipeline, status included
    children : objects of ours by kind and name: what carries the resource's labels, and whatever
        else has the name of a child (an object that somebody else controls is `NameTaken`)
    pods : pods with the resource's labels, with `nodeName` and `volumes` of their specs and no more;
        not those of proof Jobs
    proof_pods : pods of proof Jobs, whose termination messages hold the verdicts
    inputs : ConfigMaps of the namespace with the label ``sentinel.dev/input=true``, and those that
        the resource names without it, by name
    models : SentinelModels of the namespace by name; for pipelines
    pipelines : SentinelPipelines of the namespace by name; for models
    pipeline_revisions : ControllerRevisions of each of these pipelines by its name; a model must
        keep what a release names
    revisions : ControllerRevisions of the resource; they are not among the children
    served : one entry for each running pod that was asked
    apis : optional APIs that the cluster has, such as ``monitoring.coreos.com/v1/ServiceMonitor``
    now : seconds since 1970; for waits and times of failures, never for the state of a condition
    refused : objects whose change by this round the API server refused, with its words: of the
        second plan of such a round, only the status and the notices are carried out
    """

    resource: Object
    children: Mapping[Name, Object]
    pods: tuple[Object, ...]
    proof_pods: tuple[Object, ...]
    inputs: Mapping[str, Object]
    models: Mapping[str, Object]
    pipelines: Mapping[str, Object]
    pipeline_revisions: Mapping[str, tuple[Object, ...]]
    revisions: tuple[Object, ...]
    served: tuple[Served, ...]
    apis: frozenset[str]
    now: float
    refused: Mapping[Name, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scale:
    """How many replicas a Deployment shall have; written to its scale subresource."""

    deployment: str
    replicas: int


@dataclass(frozen=True, slots=True)
class Touch:
    """An annotation on a pod, by which its kubelet refreshes mounted ConfigMaps at once."""

    pod: str
    annotation: str
    value: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A Kubernetes Event, written when the status it tells of has changed."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for a resource, in this order.

    Attributes
    ----------
    apply : objects to apply server-side, in order; one that is as it should be costs no write
    create : objects to make once and never change (proof Jobs, ControllerRevisions)
    delete : children that should not be there
    scale : where no autoscaler decides
    touch : pods to be told at once
    status : the whole status; written when it differs
    notices : Kubernetes Events, written when the status was
    ask_pods : whether `Observed.served` is needed again soon
    again_after_seconds : when to look again without a change; None leaves it to the resync
    """

    status: Mapping[str, Any]
    apply: tuple[Object, ...] = ()
    create: tuple[Object, ...] = ()
    delete: tuple[Name, ...] = ()
    scale: Scale | None = None
    touch: tuple[Touch, ...] = ()
    notices: tuple[Notice, ...] = field(default=())
    ask_pods: bool = False
    again_after_seconds: float | None = None
