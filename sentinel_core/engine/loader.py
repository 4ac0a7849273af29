"""From a release document to the parts that decide: parsed, bound to each other, proved.

Everything a release names is loaded and checked before any of it is used; a release that cannot be
loaded whole is refused whole.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from sentinel_core.artifacts.keep import keep_artifact
from sentinel_core.artifacts.read import Artifact
from sentinel_core.artifacts.runtime import runtime_versions
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.stores.budget import DEFAULT_BUDGET, Budget
from sentinel_core.artifacts.stores.config import store_folder
from sentinel_core.artifacts.trees import EXPLAINER_FOLDER
from sentinel_core.clock import Clock
from sentinel_core.engine.arms import Arms
from sentinel_core.engine.arrivals import refuse_other_type
from sentinel_core.engine.loaded import LoadedRelease
from sentinel_core.engine.served import Refusal
from sentinel_core.errors import NotFoundError, ReleaseError, SentinelError
from sentinel_core.events import schema_of
from sentinel_core.features import FeatureSpec, parse_spec, phrase_makers
from sentinel_core.fusion import parse_fusion
from sentinel_core.lists.index import ListIndex
from sentinel_core.lists.parse import parse_plain
from sentinel_core.located import locate
from sentinel_core.oip.client import ModelServers
from sentinel_core.release.document import Release, ReleaseList, ReleaseModel, read_release
from sentinel_core.release.projection import Projection, rows_of
from sentinel_core.rules import RuleSchema, parse_pack
from sentinel_core.signals.curves import BehaviourSignal, VelocitySignal
from sentinel_core.signals.inline import InlineModel
from sentinel_core.signals.model import ModelUse, OnFailure, Phrases
from sentinel_core.signals.profile import parse_signals
from sentinel_core.signals.remote import RemoteModel
from sentinel_core.store import Store

_log = logging.getLogger(__name__)

KEPT_LOADED = 4
"""Recorded releases that stay loaded: replays come in runs of a stable release and a candidate."""
_PATH = "release"
"""What stands for a path in the faults of a release's parts."""


class Loader:
    """Loads releases, and keeps what they name for as long as a decision may ask for it.

    Parameters
    ----------
    artifacts_dir : Path
        Where artifacts are kept by digest.
    store : Store
        Where release documents and the rows of lists are kept by digest.
    base : Path or None
        What the relative URI of an artifact that is not kept yet starts from.
    stores_dir : Path or None
        Holds a folder of settings for each store that a release may name; see
        `sentinel_core.artifacts.stores.config`.
    budget : Budget
        The time that fetching one artifact may take.
    servers : ModelServers or None
        Where models are called that the pipeline places at their servers. None loads every model
        into this process, which gives the same answers.
    """

    def __init__(  # noqa: PLR0913 - where everything is kept, and who is called
        self,
        artifacts_dir: Path,
        store: Store,
        clock: Clock,
        *,
        base: Path | None = None,
        stores_dir: Path | None = None,
        budget: Budget = DEFAULT_BUDGET,
        servers: ModelServers | None = None,
    ) -> None:
        self._artifacts_dir = artifacts_dir
        self._base = base
        self._stores_dir = stores_dir
        self._budget = budget
        self._servers = servers
        self._store = store
        self._clock = clock
        self._recorded: dict[str, LoadedRelease] = {}

    def load_arms(self, projection: Projection, current: Arms | None = None) -> Arms:
        """Load what a projection says, reusing what is loaded already.

        A candidate that cannot be loaded is left out and said so: it must not keep the stable
        release from being served.

        Raises
        ------
        ReleaseError, ArtifactError, InvalidDocumentError
            The stable release cannot be served. Retryable: no.
        """
        if current is not None:
            refuse_other_type(projection.stable.event, current.stable.spec.event_type)
        stable = self._reuse(projection.stable, projection.blobs, current)
        if projection.candidate is None:
            fault = projection.candidate_error
            return Arms(stable, candidate_refusal=Refusal.of(fault) if fault else None)
        digest = projection.candidate.digest
        try:
            refuse_other_type(projection.candidate.event, projection.stable.event)
            candidate = self._reuse(projection.candidate, projection.blobs, current)
        except SentinelError as error:
            return Arms(stable, candidate_refusal=Refusal.of(error, digest))
        except Exception as error:  # noqa: BLE001 - logged, and told by what is served
            _log.exception("The candidate %s could not be loaded", digest)
            refusal = Refusal.unexpected("The candidate could not be loaded", error, digest)
            return Arms(stable, candidate_refusal=refusal)
        return Arms(stable, candidate, projection.percent)

    def load_recorded(self, digest: str) -> LoadedRelease:
        """Load a release that a recorded decision names, with every model in this process.

        Raises
        ------
        NotFoundError
            The record does not hold it. Retryable: no.
        """
        loaded = self._recorded.get(digest)
        if loaded is None:
            release = self._find_recorded(digest)
            blobs = {one.digest: self._kept_list(one) for one in release.lists}
            loaded = self._recorded[digest] = self._build(release, blobs, None)
            for forgotten in [*self._recorded][:-KEPT_LOADED]:
                self._recorded.pop(forgotten, None)
        return loaded

    def recorded_names(self, digest: str) -> tuple[str, ...]:
        """Return the features' names of a release that a recorded decision names, in their order.

        Raises as `load_recorded`.
        """
        release = self._find_recorded(digest)
        return parse_spec(locate(release.features, _PATH), schema_of(release.event)).names

    def _find_recorded(self, digest: str) -> Release:
        document = self._store.find_release(digest)
        if document is None:
            raise NotFoundError(
                f"The record does not hold the release {digest}.",
                user_action="Give the state directory of the server that decided.",
            )
        return read_release(document)

    def _reuse(
        self, release: Release, blobs: Mapping[str, bytes], current: Arms | None
    ) -> LoadedRelease:
        known = current.by_digest(release.digest) if current else None
        return known or self._load(release, blobs)

    def _load(self, release: Release, blobs: Mapping[str, bytes]) -> LoadedRelease:
        rows = {one.digest: rows_of(blobs, one.digest) for one in release.lists}
        loaded = self._build(release, rows, self._servers)
        for data in rows.values():
            self._store.keep_blob(data).result()
        self._store.keep_release(release.canonical, first_seen_us=self._clock.now_us()).result()
        return loaded

    def _kept_list(self, one: ReleaseList) -> bytes:
        data = self._store.find_blob(one.digest)
        if data is None:
            raise NotFoundError(
                f"The record does not hold the rows of the list {one.name}.",
                user_action="Give the state directory of the server that decided.",
            )
        return data

    def _build(
        self, release: Release, blobs: Mapping[str, bytes], servers: ModelServers | None
    ) -> LoadedRelease:
        schema = schema_of(release.event)
        spec = parse_spec(locate(release.features, _PATH), schema)
        phrases = phrase_makers(spec)
        signals = parse_signals(locate(release.signals, _PATH), spec.names)
        lists = ListIndex(parse_plain(json.loads(blobs[one.digest])) for one in release.lists)
        curves: list[VelocitySignal | BehaviourSignal] = []
        if signals.velocity is not None:
            curves.append(VelocitySignal(signals.velocity, spec.names, phrases))
        if signals.behaviour is not None:
            curves.append(BehaviourSignal(signals.behaviour, spec.names, phrases))
        models = tuple(self._model(one, spec, phrases, servers) for one in release.models)
        names = (*(m.name for m in models), *(c.kind for c in curves))
        rule_schema = RuleSchema(schema, spec.names, names, lists.names)
        return LoadedRelease(
            digest=release.digest,
            spec=spec,
            models=models,
            curves=tuple(curves),
            lists=lists,
            rules=parse_pack(locate(release.rules, _PATH), rule_schema),
            fusion=parse_fusion(locate(release.fusion, _PATH)),
            failure_policy=release.failure_policy,
            budget_ms=release.budget_ms,
            split_by=release.split_by,
            phrases=phrases,
            artifact_digests={one.name: one.digest for one in release.models},
            runtime=runtime_versions(),
            remote_names=frozenset(m.name for m in release.models if m.placement == "Remote"),
        )

    def _model(
        self,
        model: ReleaseModel,
        spec: FeatureSpec,
        phrases: Phrases,
        servers: ModelServers | None,
    ) -> InlineModel | RemoteModel:
        artifact = keep_artifact(
            model.uri,
            model.digest,
            self._artifacts_dir,
            public_key_pem=None if model.public_key is None else model.public_key.encode(),
            base=self._base,
            store=store_folder(self._stores_dir, model.store),
            budget=self._budget,
        )
        _check_spec(model, artifact, spec)
        use = ModelUse(
            model.name,
            artifact.manifest,
            feature_names=spec.names,
            deadline_us=model.deadline_ms * 1000,
            on_failure=OnFailure(model.on_failure.action, model.on_failure.score),
            phrases=phrases,
        )
        if servers is None or model.grpc_url is None:  # a URL is given with Remote only
            return InlineModel(use, LoadedModel(artifact), self._clock)
        return RemoteModel(
            use,
            servers.get(model.grpc_url),
            model_name=model.model,
            digest=model.digest,
            has_trees=any(path.startswith(f"{EXPLAINER_FOLDER}/") for path in artifact.files),
            clock=self._clock,
        )


def _check_spec(model: ReleaseModel, artifact: Artifact, spec: FeatureSpec) -> None:
    """Refuse a model whose features have the same names here but mean something else."""
    inputs = artifact.manifest.feature_names
    known = [name for name in inputs if name in spec.by_name]
    if (
        len(known) == len(inputs)
        and spec.closure(known).digest != artifact.manifest.feature_spec.digest
    ):
        raise ReleaseError(
            "FeatureSpecMismatch",
            f"The model {model.name} was trained on features that are defined otherwise here.",
            user_action="Give the pipeline the feature spec of the training, or train on this one.",
        )
