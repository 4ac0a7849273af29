"""The two resources, SentinelModel and SentinelPipeline, and the manifests that declare them."""

from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.manifest import Declared, Manifest, load_manifest, parse_manifest
from sentinel_core.resources.model import SentinelModel
from sentinel_core.resources.pipeline import SentinelPipeline

__all__ = [
    "ConfigMap",
    "Declared",
    "Manifest",
    "SentinelModel",
    "SentinelPipeline",
    "load_manifest",
    "parse_manifest",
]
