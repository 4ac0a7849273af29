"""Steps 3 and 4 of a decision: ask the entity logs, compute the vector, admit the event.

The three happen in one go on one thread, so the k-th arrival on a key sees exactly k - 1 events.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sentinel_core.events import Fields, Label
from sentinel_core.features import FeatureSpec, Kernel
from sentinel_core.features.kernel import Vector
from sentinel_core.features.layouts import build_layouts
from sentinel_core.state import FeatureIs, MemoryState, merge_layouts
from sentinel_core.state.memory import is_late


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of an event as it arrived.

    Attributes
    ----------
    vectors : feature vector by digest of the spec, for every loaded spec
    late : whether the event came more than an hour behind the newest of one of its entities
    """

    vectors: dict[str, Vector]
    late: bool


class Observer:
    """Entity logs and the kernels that read them.

    Parameters
    ----------
    specs : iterable of FeatureSpec
        Specs of the loaded releases, one at least and all for one type of event; the logs keep the
        union of what they need.
    """

    def __init__(self, specs: Iterable[FeatureSpec]) -> None:
        specs = list(specs)
        self.event_type = specs[0].event_type
        self.state = MemoryState(merge_layouts(build_layouts(spec) for spec in specs))
        self.kernels: dict[str, Kernel] = {}
        for spec in specs:
            self.add(spec)

    def covers(self, spec: FeatureSpec) -> bool:
        """Tell whether the logs hold all that a spec needs, as far back as it looks."""
        layouts = self.state.layouts
        return all(
            kind in layouts and layouts[kind].covers(layout)
            for kind, layout in build_layouts(spec).items()
        )

    def add(self, spec: FeatureSpec) -> None:
        """Compute a further spec from now on; the logs must cover it."""
        self.kernels.setdefault(spec.digest, Kernel(spec, self.state.layouts))

    def keep_to(self, specs: Sequence[FeatureSpec]) -> None:
        """Compute these specs from now on, all of them covered, and drop others.

        A spec that selects events by its own values stays: the logs go on asking for them.
        """
        for spec in specs:
            self.add(spec)
        wanted = {spec.digest for spec in specs}
        self.kernels = {
            digest: kernel
            for digest, kernel in self.kernels.items()
            if digest in wanted or kernel.selections
        }

    def observe(self, tenant: str, time_us: int, fields: Fields) -> Observation:
        """Compute the vectors of an event from what came before it, and admit it to the logs."""
        logs = self.state.logs_of(tenant, fields)
        late = is_late(logs, time_us)
        vectors: dict[str, Vector] = {}
        selected: dict[FeatureIs, bool] = {}
        for digest, kernel in self.kernels.items():
            vector = vectors[digest] = kernel.compute(time_us, fields, logs)
            if kernel.selections:
                selected |= kernel.select(vector)
        self.state.admit(logs, time_us, fields, selected.__getitem__)
        return Observation(vectors, late)

    def label(  # noqa: PLR0913 - an event, and what became known about it when
        self,
        tenant: str,
        event_id: str,
        time_us: int,
        fields: Fields,
        *,
        known_at_us: int,
        order: int,
        label: Label,
    ) -> None:
        """Tell the logs what became known about an event that was observed."""
        self.state.label(
            tenant, event_id, time_us, fields, known_at_us=known_at_us, order=order, label=label
        )
