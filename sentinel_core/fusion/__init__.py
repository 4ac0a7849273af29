"""Fusion: signals and rule hits become one score with reasons."""

from sentinel_core.fusion.fuse import fuse
from sentinel_core.fusion.points import PointedReason, explain_points
from sentinel_core.fusion.profile import FusionProfile, parse_fusion
from sentinel_core.fusion.risk import UNSCORED, FailurePolicy, Item, Risk

__all__ = [
    "UNSCORED",
    "FailurePolicy",
    "FusionProfile",
    "Item",
    "PointedReason",
    "Risk",
    "explain_points",
    "fuse",
    "parse_fusion",
]
