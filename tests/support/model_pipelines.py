"""A small pipeline with a model, placed in the decision server or at a server of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentinel_core.artifacts.manifest import FeatureSpecRef
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.events import schema_of
from sentinel_core.features import parse_spec
from sentinel_core.located import load_yaml
from sentinel_core.release.document import ModelFailure, Release, ReleaseModel
from tests.support.artifacts import FEATURES, write_small_artifact
from tests.support.oip_servers import NAME
from tests.support.pipelines import build_release

MODEL_FEATURES = """
features:
  - {name: amount, value: payload.amount}
  - {name: card_count_1d, entity: card, count: {}, window: 1d}
  - {name: terminal_risk_28d, entity: terminal, rate: label.fraud, window: 28d, delay: 7d}
  - {name: card_count_1h, entity: card, count: {}, window: 1h}
"""
RULES = """
- id: card-burst
  name: Card burst
  category: fraud
  when: {feature: card_count_1h, gte: 3}
  effect: {floor: 70}
  tests:
    - {features: {card_count_1h: 3}, hit: true}
    - {features: {card_count_1h: 2}, hit: false}
"""


def write_model(folder: Path, *, seed: int = 7, **fields: Any) -> LoadedModel:
    """Write an artifact for the pipeline's features, and load it."""
    spec = parse_spec(load_yaml(MODEL_FEATURES, "features.yaml"), schema_of("Transaction"))
    reference = FeatureSpecRef(digest=spec.closure(list(FEATURES)).digest)
    write_small_artifact(folder, seed=seed, feature_spec=reference, **fields)
    return LoadedModel(read_artifact(folder))


def model_release(
    folder: Path,
    model: LoadedModel,
    *,
    grpc_url: str | None = None,
    signals: dict[str, Any] | None = None,
    rules: str = RULES,
    features: str = MODEL_FEATURES,
    **changes: Any,
) -> Release:
    """Compile the pipeline with the artifact of a folder: Remote where a URL is given."""
    weights = {"fraud": 1.0, "rules": 1.0} | dict.fromkeys(signals or {}, 0.5)
    values: dict[str, Any] = {
        "name": "fraud",
        "model": NAME,
        "uri": folder.as_uri(),
        "digest": model.digest,
        "deadline_ms": 10_000,
        "on_failure": ModelFailure(action="Skip"),
        "placement": "Remote" if grpc_url else "Inline",
        "grpc_url": grpc_url,
    }
    release = build_release(rules=rules, features=features)
    return release.model_copy(
        update={
            "models": (ReleaseModel(**values | changes),),
            "signals": signals or {},
            "fusion": {"method": "NoisyOr", "weights": weights},
            "budget_ms": 60_000,
        }
    )
