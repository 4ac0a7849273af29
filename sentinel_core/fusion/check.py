"""Whether a fusion profile fits the signals and features that a pipeline configures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from sentinel_core.clock import SECOND_US
from sentinel_core.errors import Problem
from sentinel_core.features.spec import FeatureSpec
from sentinel_core.fusion.method import RULES, Method
from sentinel_core.fusion.noisy_or import NoisyOr
from sentinel_core.fusion.seed_v1 import WEIGHTS, SeedV1
from sentinel_core.fusion.stream_seed import StreamSeed
from sentinel_core.fusion.weighted import Weighted
from sentinel_core.located import Located, problem
from sentinel_core.signals.signal import SignalKind

BUILT_IN = ("behaviour", "lists", RULES, "velocity")
"""Names of signals that no pipeline names itself; a weight for one that is not configured is kept."""
RESERVED = (*BUILT_IN, "rounding")
"""Names of items, which a model must not have."""


def check_fusion(
    profile: Method,
    document: Located,
    signals: Mapping[str, SignalKind],
    spec: FeatureSpec,
    *,
    has_rules: bool,
) -> tuple[Problem, ...]:
    """Find signals that would be ignored and names that mean nothing.

    A signal without a weight, or one that the method does not read, would look like protection and
    never act; so would a misspelt weight.

    Parameters
    ----------
    document : Located
        The ``fusion:`` block, for the places of problems.
    signals : mapping
        Kind of each configured signal by name, without the rules.
    spec : FeatureSpec
        The pipeline's features, among which StreamSeed's count is looked up.
    has_rules : bool
        Whether the pipeline has a rule pack.
    """
    names = {*signals, RULES} if has_rules else {*signals}
    return (
        *_check_model_names(document, signals),
        *_check_method(profile, document, signals, names),
        *(_check_count(profile, document, spec) if isinstance(profile, StreamSeed) else ()),
    )


def _check_model_names(
    document: Located, signals: Mapping[str, SignalKind]
) -> Iterator[Problem]:
    for name, kind in sorted(signals.items()):
        if kind == "model" and name in RESERVED:
            message = f"a model cannot be called {name}: it is the name of a part of the score"
            yield problem(document.position, message, "rename the model in this pipeline")


def _check_method(
    profile: Method, document: Located, signals: Mapping[str, SignalKind], names: set[str]
) -> Iterator[Problem]:
    if isinstance(profile, NoisyOr | Weighted):
        yield from _check_weights(profile.weights, document, names)
    elif isinstance(profile, SeedV1):
        hint = f"SeedV1 reads signals called {', '.join(WEIGHTS)}"
        unread = [n for n, kind in signals.items() if n not in WEIGHTS and kind != "lists"]
        yield from _unread(unread, document, hint)
    elif isinstance(profile, StreamSeed):
        hint = "StreamSeed reads models, and counts velocityFeature itself"
        unread = [n for n, kind in signals.items() if kind in ("behaviour", "velocity")]
        yield from _unread(unread, document, hint)


def _check_weights(
    weights: Mapping[str, float], document: Located, names: set[str]
) -> Iterator[Problem]:
    for name in sorted(names - weights.keys()):
        message = f"the signal {name} has no weight"
        yield problem(document.at(["weights"]), message, f"add {name} to weights")
    for name in sorted(weights.keys() - names - set(BUILT_IN)):
        close = get_close_matches(name, sorted(names), n=1)
        hint = f"did you mean {close[0]}?" if close else "remove it, or configure the signal"
        yield problem(document.at(["weights", name]), f"there is no signal {name}", hint)


def _unread(names: list[str], document: Located, hint: str) -> Iterator[Problem]:
    for name in sorted(names):
        message = f"the signal {name} is not read by this method"
        yield problem(document.at(["method"]), message, hint)


def _check_count(profile: StreamSeed, document: Located, spec: FeatureSpec) -> Iterator[Problem]:
    where = document.at(["velocityFeature"])
    name = profile.velocity_feature
    feature = spec.by_name.get(name)
    if feature is None:
        close = get_close_matches(name, spec.names, n=1)
        hint = f"did you mean {close[0]}?" if close else "add it to the feature spec"
        yield problem(where, f"there is no feature {name}", hint)
        return
    seconds = feature.window_us / SECOND_US
    if feature.form != "count" or feature.where is not None or feature.delay_us:
        message = f"{name} does not count all events of an entity up to now"
        yield problem(where, message, "use a count without where and delay")
    elif seconds != profile.window_seconds:
        message = f"{name} counts over {seconds:g} s, windowSeconds is {profile.window_seconds}"
        yield problem(where, message, "give both the same length")
    if not feature.include_self:
        yield problem(where, f"{name} leaves its own event out", "add include_self: true")
