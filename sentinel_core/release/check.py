"""Parts of a pipeline against each other: what one room's parser cannot see."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from sentinel_core.clock import SECOND_US
from sentinel_core.features.spec import FeatureSpec
from sentinel_core.fusion.method import OwnLevels
from sentinel_core.fusion.profile import FusionProfile
from sentinel_core.fusion.stream_seed import StreamSeed
from sentinel_core.located import Located
from sentinel_core.release.faults import Faults
from sentinel_core.rules import Pack
from sentinel_core.rules.pack import reads


def check_weights(
    fusion: FusionProfile, block: Located, configured: Collection[str], faults: Faults
) -> None:
    """Note weights of signals that the pipeline does not have."""
    if not isinstance(fusion, OwnLevels):
        return
    for name in fusion.weight_by_name:
        if name not in configured:
            close = get_close_matches(name, configured, n=1)
            hint = f"did you mean {close[0]}?" if close else "add the signal or remove the weight"
            message = f"there is a weight for {name}, but no such signal"
            faults.add(block.at(("weights", name)), message, hint)


def check_every_signal_counts(
    fusion: FusionProfile,
    block: Located,
    scoring: Collection[str],
    pack: Pack | None,
    faults: Faults,
) -> None:
    """Note signals that would be computed for nothing: without a weight, and read by no rule.

    Parameters
    ----------
    scoring : collection of str
        Models, velocity and behaviour. Rules and lists act through more than their weight.
    """
    if not isinstance(fusion, OwnLevels):
        return
    rules = pack.rules if pack else ()
    read = {ref.name for rule in rules for ref in reads(rule.when) if ref.source == "signal"}
    for name in scoring:
        if name not in fusion.weight_by_name and name not in read:
            message = f"the signal {name} has no weight, and no rule reads it"
            faults.add(block.at(("weights",)), message, f"add {name} with a weight")


def check_stream_seed(
    fusion: FusionProfile, block: Located, spec: FeatureSpec, faults: Faults
) -> None:
    """Note where the feature that StreamSeed reads is not the count that its table is made for."""
    if not isinstance(fusion, StreamSeed):
        return
    name, seconds = fusion.velocity_feature, fusion.window_seconds
    where = block.at(("velocityFeature",))
    hint = f"name a feature with count: {{}}, window: {seconds}s, include_self: true"
    feature = spec.by_name.get(name)
    if feature is None:
        faults.add(where, f"there is no feature {name}", hint)
    elif feature.form != "count" or not feature.include_self:
        faults.add(where, f"{name} does not count events, this one included", hint)
    elif feature.window_us != seconds * SECOND_US:
        window_seconds = feature.window_us // SECOND_US
        faults.add(where, f"{name} counts over {window_seconds} s, not {seconds} s", hint)
