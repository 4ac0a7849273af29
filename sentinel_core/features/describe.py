"""Features in words, for the reasons that an analyst reads."""

from __future__ import annotations

from collections.abc import Callable

from sentinel_core.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from sentinel_core.features.spec import Feature, FeatureSpec
from sentinel_core.state.layout import FeatureIs, FieldIs, LabelIs

_EVENT_NOUN = {"Transaction": "payment", "Login": "login"}
_AT = {"terminal": "at", "merchant": "at", "device": "from", "ip": "from"}
_COMPARED = {
    "eq": "equal to", "ne": "other than", "gt": "above", "gte": "of at least",
    "lt": "below", "lte": "of at most", "in": "among",
}  # fmt: skip
_STATISTIC = {
    "sum": "total", "mean": "mean", "min": "smallest", "max": "largest",
    "stddev": "standard deviation of",
}  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def phrase_makers(spec: FeatureSpec) -> dict[str, Callable[[float], str]]:
    """Return for each feature a function from its value to a phrase such as "3 logins ..."."""

    def maker(feature: Feature) -> Callable[[float], str]:
        return lambda value: describe_value(feature, value, spec)

    return {feature.name: maker(feature) for feature in spec.features}


def describe_value(feature: Feature, value: float, spec: FeatureSpec) -> str:
    """Say in a few words what a feature's value means, without a full stop.

    Examples
    --------
    >>> feature = Feature("n", "count", entity="card", window_us=7 * DAY_US)
    >>> describe_value(feature, 12.0, FeatureSpec("Transaction", (feature,), {}))
    '12 payments with this card in 7 days'
    """
    if value != value:  # noqa: PLR0124 - NaN is the one value that differs from itself
        return f"{name_in_words(feature, spec)} is not known"
    if feature.operands is not None:
        return _describe_pair(feature, value, spec)
    if feature.form in ("hour_between", "weekday_between"):
        return _describe_between(feature, value)
    if feature.form == "weekday":
        return f"on a {_WEEKDAYS[int(value)]}"
    if feature.form == "hour":
        return f"at {int(value)} o'clock UTC"
    if feature.form in ("count", "rate", "distinct"):
        return _describe_count(feature, value, spec)
    if feature.form in ("since_first", "since_last"):
        return f"{name_in_words(feature, spec)} was {duration(value * SECOND_US)} ago"
    if feature.form == "zscore":
        return _describe_zscore(feature, value)
    if feature.form == "geo_speed":
        return f"{number(value)} km/h since the last place of this {feature.entity}"
    return f"{name_in_words(feature, spec)} is {number(value)}"


def name_in_words(feature: Feature, spec: FeatureSpec) -> str:
    """Say what a feature measures, as a noun phrase."""
    noun = _EVENT_NOUN[spec.event_type]
    if feature.form == "value":
        place = "" if feature.index is None else f" V{feature.index + 1}"
        return f"{feature.field}{place}"
    if feature.operands is not None:
        one, other = (name_in_words(spec.by_name[n], spec) for n in feature.operands)
        return f"{one} against {other}"
    if feature.entity is None:
        return feature.form.replace("_", " ")
    if feature.form in _STATISTIC:
        of = f"{_STATISTIC[feature.form]} {feature.field}"
        return f"the {of} of this {feature.entity}{_selected(feature)} over {_window(feature)}"
    if feature.form in ("since_first", "since_last"):
        which = "first" if feature.form == "since_first" else "last"
        return f"the {which} {noun} {_of(feature)}{_selected(feature)} in {_window(feature)}"
    if feature.form == "zscore":
        return f"the deviation of {feature.field} from {_mean(feature)}"
    if feature.form == "geo_speed":
        return f"the speed since the last place of this {feature.entity}"
    if feature.form == "rate":
        return f"the share of fraud among {noun}s {_of(feature)} in {_window(feature)}"
    things = _plural(str(feature.field)) if feature.form == "distinct" else f"{noun}s"
    return f"the number of {things} {_of(feature)}{_selected(feature)} in {_window(feature)}"


def duration(length_us: float) -> str:
    """Write a length of time in its largest fitting unit.

    Examples
    --------
    >>> duration(90 * MINUTE_US), duration(1 * DAY_US)
    ('1.5 hours', '1 day')
    """
    for unit_us, unit in ((DAY_US, "day"), (HOUR_US, "hour"), (MINUTE_US, "minute")):
        if length_us >= unit_us:
            return _counted(length_us / unit_us, unit)
    return _counted(length_us / SECOND_US, "second")


def number(value: float) -> str:
    """Write a number with no more digits than a reader can use."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value)}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def _describe_pair(feature: Feature, value: float, spec: FeatureSpec) -> str:
    one, other = (name_in_words(spec.by_name[n], spec) for n in feature.operands or ())
    if feature.form == "ratio":
        return f"{one} is {number(value)} times {other}"
    if _are_times(feature, spec):
        way = "before" if value >= 0 else "after"
        return f"{one} was {duration(abs(value) * SECOND_US)} {way} {other}"
    way = "above" if value >= 0 else "below"
    return f"{one} is {number(abs(value))} {way} {other}"


def _are_times(feature: Feature, spec: FeatureSpec) -> bool:
    """Tell whether a difference is one of times passed; the larger one is then the earlier event."""
    return all(
        spec.by_name[name].form in ("since_first", "since_last") for name in feature.operands or ()
    )


def _describe_between(feature: Feature, value: float) -> str:
    first, last = feature.between or (0, 0)
    inside = "" if value else "not "
    if feature.form == "hour_between":
        return f"{inside}between {first}:00 and {last}:59 UTC"
    return f"{inside}from {_WEEKDAYS[first]} to {_WEEKDAYS[last]}"


def _describe_count(feature: Feature, value: float, spec: FeatureSpec) -> str:
    noun = _EVENT_NOUN[spec.event_type]
    if feature.form == "rate":
        share = f"{number(100 * value)} % of {noun}s {_of(feature)}"
        return f"{share} were fraud in {_window(feature)}"
    thing = noun if feature.form == "count" else str(feature.field)
    return f"{_counted(value, thing)} {_of(feature)}{_selected(feature)} in {_window(feature)}"


def _describe_zscore(feature: Feature, value: float) -> str:
    way = "above" if value >= 0 else "below"
    return f"{feature.field} is {_counted(abs(value), 'standard deviation')} {way} {_mean(feature)}"


def _mean(feature: Feature) -> str:
    return f"the mean of this {feature.entity}{_selected(feature)} over {_window(feature)}"


def _of(feature: Feature) -> str:
    return f"{_AT.get(str(feature.entity), 'with')} this {feature.entity}"


def _selected(feature: Feature) -> str:
    where = feature.where
    if isinstance(where, LabelIs):
        return " known as fraud" if where.label == "fraud" else " not known as fraud"
    if isinstance(where, FieldIs):
        operand = where.operand
        text = ", ".join(map(str, operand)) if isinstance(operand, tuple) else str(operand)
        return f" with {where.field} {_COMPARED[where.comparison]} {text}"
    if isinstance(where, FeatureIs):
        return f" with {where.feature} {_COMPARED[where.comparison]} {number(where.operand)}"
    return ""


def _window(feature: Feature) -> str:
    length = duration(feature.window_us)
    return f"{length} up to {duration(feature.delay_us)} ago" if feature.delay_us else length


def _counted(value: float, thing: str) -> str:
    text = number(value) if value == int(value) else f"{value:.1f}".removesuffix(".0")
    return f"{text} {thing}" if text == "1" else f"{text} {_plural(thing)}"


def _plural(thing: str) -> str:
    return f"{thing[:-1]}ies" if thing.endswith("y") and thing != "day" else f"{thing}s"
