"""The two resources, SentinelModel and SentinelPipeline, and the manifests that declare them."""

from sentinel_core.resources.cluster_object import read_object
from sentinel_core.resources.conditions import CONDITIONS, REASONS, ReasonDoc
from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.manifest import Declared, Manifest, load_manifest, parse_manifest
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline
from sentinel_core.resources.server import Server
from sentinel_core.resources.status import SentinelModelStatus, SentinelPipelineStatus

__all__ = [
    "CONDITIONS",
    "REASONS",
    "ConfigMap",
    "Declared",
    "Manifest",
    "ReasonDoc",
    "SentinelModel",
    "SentinelModelStatus",
    "SentinelPipeline",
    "SentinelPipelineStatus",
    "Server",
    "load_manifest",
    "parse_manifest",
    "read_object",
]
