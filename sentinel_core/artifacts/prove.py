"""Prove an artifact where it can do no harm: fetch it, check it, load it, run its probe.

The verdict is a JSON object for whoever started the proof. It fits into a container's termination
message, so a cluster reads it without access to logs.
"""

from __future__ import annotations

import json
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.fetch import fetch_artifact
from sentinel_core.artifacts.read import DEFAULT_LIMITS
from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.stores.budget import DEFAULT_BUDGET, Budget
from sentinel_core.errors import ArtifactError

MAX_VERDICT_BYTES = 4096
"""What the kubelet keeps of a container's termination message."""
PROOF_BUDGET = replace(DEFAULT_BUDGET, attempts=2)
"""A store that swallows every packet is told of within 21 s, and who asked for the verdict asks again;
a server, whom nobody asks, tries longer."""
_SHORTENED = " ... (shortened: the log has the whole message)"


@dataclass(frozen=True, slots=True)
class Proven:
    """The artifact is what was asked for, and works.

    Attributes
    ----------
    feature_spec : digest of the spec that the model was trained on
    size_bytes : of the files together, without manifest and signature
    """

    digest: str
    name: str
    version: str
    feature_spec: str
    size_bytes: int
    verdict: Literal["Proven"] = "Proven"

    def plain(self) -> dict[str, Any]:
        """Return the verdict as JSON has it."""
        return {
            "verdict": self.verdict,
            "digest": self.digest,
            "name": self.name,
            "version": self.version,
            "featureSpec": self.feature_spec,
            "sizeBytes": self.size_bytes,
        }


@dataclass(frozen=True, slots=True)
class Refused:
    """The artifact must not be served, or could not be proved.

    Attributes
    ----------
    reason : a word of `refusal.RefusalReason`
    retryable : whether the same proof may succeed later
    """

    reason: str
    message: str
    user_action: str
    retryable: bool
    verdict: Literal["Refused"] = "Refused"

    def plain(self) -> dict[str, Any]:
        """Return the verdict as JSON has it."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "message": self.message,
            "userAction": self.user_action,
            "retryable": self.retryable,
        }


def prove_artifact(  # noqa: PLR0913 - what it must be, and where it lies
    uri: str,
    digest: str,
    public_key_pem: bytes | None = None,
    *,
    store: Path | None = None,
    limits: Limits = DEFAULT_LIMITS,
    budget: Budget = PROOF_BUDGET,
) -> Proven | Refused:
    """Fetch, check, load and probe an artifact, and say what came of it.

    Running out of memory ends the process without a verdict; who started it sees that.

    Parameters
    ----------
    uri, store, budget
        As `fetch.open_store` takes them.
    digest, public_key_pem
        What it must be, and whose signature it must carry; None asks for none.

    Returns
    -------
    Proven or Refused
        An error that nobody expected is a refusal, too (``ProofFailed``), and its trace goes to
        standard error.
    """
    try:
        artifact = fetch_artifact(
            uri, digest, public_key_pem, store=store, limits=limits, budget=budget
        )
        LoadedModel(artifact)
    except ArtifactError as error:
        return _refused(error)
    except Exception as error:  # noqa: BLE001 - whoever waits for the verdict needs one
        traceback.print_exc()
        return _refused(_unexpected(error))
    return Proven(
        digest=artifact.digest,
        name=artifact.manifest.name,
        version=artifact.manifest.version,
        feature_spec=artifact.manifest.feature_spec.digest,
        size_bytes=sum(map(len, artifact.files.values())),
    )


def verdict_bytes(verdict: Proven | Refused) -> bytes:
    """Write a verdict in at most 4096 bytes; a message that is too long says that it was shortened."""
    plain = verdict.plain()
    written = _to_json(plain)
    over_bytes = len(written) - MAX_VERDICT_BYTES
    if over_bytes > 0:
        # A character has at least one byte, so this many fewer are enough.
        kept = len(plain["message"]) - over_bytes - len(_SHORTENED)
        written = _to_json(plain | {"message": plain["message"][: max(kept, 0)] + _SHORTENED})
    return written


def _to_json(plain: dict[str, Any]) -> bytes:
    # Surrogates and control characters of a hostile name stay escaped.
    return json.dumps(plain).encode()


def _refused(error: ArtifactError) -> Refused:
    return Refused(error.reason, error.message, error.user_action, error.retryable)


def _unexpected(error: Exception) -> ArtifactError:
    return refuse(
        "ProofFailed",
        f"The proof met an error that it did not expect: {type(error).__name__}: {error}.",
        "Look at the log of the proof, which has the trace, and report it.",
    )
