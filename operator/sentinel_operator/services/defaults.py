"""What the operator was installed with, as far as decisions need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Defaults:
    """What resources leave to the installation.

    Attributes
    ----------
    bento_image : of servers and proofs whose resource names none
    operator_namespace : from which pods are asked what they serve
    monitor_labels : of ServiceMonitors, by which a Prometheus selects them
    """

    bento_image: str
    image_pull_policy: str
    operator_namespace: str
    monitor_labels: Mapping[str, str] = field(default_factory=dict)
