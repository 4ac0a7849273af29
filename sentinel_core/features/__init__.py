"""Features: the typed spec, and the one kernel that computes them online and offline."""

from sentinel_core.features.describe import describe_value, phrase_makers
from sentinel_core.features.kernel import Kernel
from sentinel_core.features.parse import parse_spec
from sentinel_core.features.spec import Feature, FeatureSpec

__all__ = ["Feature", "FeatureSpec", "Kernel", "describe_value", "parse_spec", "phrase_makers"]
