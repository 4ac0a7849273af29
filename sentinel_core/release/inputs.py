"""The texts and models that a pipeline names, found among what was declared beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from sentinel_core.located import Located
from sentinel_core.release.faults import Faults
from sentinel_core.resources.config_map import ConfigMap
from sentinel_core.resources.manifest import Declared, load_input
from sentinel_core.resources.metadata import INPUT_LABEL, ConfigMapKeyRef
from sentinel_core.resources.model import NOT_PROPOSED, SentinelModel

Loc = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class ProvenArtifact:
    """An artifact that a release may name.

    Attributes
    ----------
    store : name of the Secret that says how to reach its store
    public_key : the signer's key as PEM, by which a server checks it again. None asks for no
        signature: for an artifact that is no longer declared the digest, which was proven together
        with its signature, says enough
    """

    uri: str
    digest: str
    store: str | None = None
    public_key: str | None = None


class Inputs:
    """Finds what references name, in one namespace, and notes what is not there.

    Parameters
    ----------
    models, config_maps : mapping
        By name, all of the pipeline's namespace.
    proven : mapping or None
        What was proven of each model, by the model's name; None takes what is declared.
    """

    def __init__(
        self,
        models: Mapping[str, Declared[SentinelModel]],
        config_maps: Mapping[str, Declared[ConfigMap]],
        faults: Faults,
        proven: Mapping[str, ProvenArtifact] | None = None,
    ) -> None:
        self._models = models
        self._proven = proven
        self._config_maps = config_maps
        self._faults = faults

    def text(self, ref: ConfigMapKeyRef, document: Located, loc: Loc) -> Located | None:
        """Return the YAML that a reference names; ``loc`` is its place in the document."""
        config_map = self._config_map(ref, document, loc)
        if config_map is None:
            return None
        return self._faults.attempt(lambda: load_input(config_map, ref.key))

    def model(self, name: str, document: Located, loc: Loc) -> Declared[SentinelModel] | None:
        """Return the SentinelModel of a name, once something was proposed for it."""
        model = self._models.get(name)
        if model is None:
            message = f"there is no SentinelModel {name}"
            hint = _closest(name, self._models, "add it to the same folder")
            self._faults.add(document.at(loc), message, hint, reason="ModelNotFound")
            return None
        if model.resource.spec.artifact.digest == NOT_PROPOSED:
            where = model.located.at(("spec", "artifact", "digest"))
            message = f"nothing was proposed for SentinelModel {name} yet"
            hint = "sentinel propose writes uri and digest"
            self._faults.add(where, message, hint, reason="ModelNotProposed")
        return model

    def artifact(
        self, model: Declared[SentinelModel], document: Located, loc: Loc
    ) -> ProvenArtifact | None:
        """Return the artifact of a model that a release may name; ``loc`` is where it is named."""
        name, declared = model.key[1], model.resource.spec.artifact
        proven = None if self._proven is None else self._proven.get(name)
        if self._proven is not None and proven is None:
            message = f"SentinelModel {name} has no proven artifact yet"
            hint = f"kubectl describe smodel {name} says how far it is"
            self._faults.add(document.at(loc), message, hint, reason="ModelNotReady")
            return None
        if proven and not declared.is_same(proven.uri, proven.digest, proven.store):
            return proven
        return ProvenArtifact(
            uri=declared.uri,
            digest=declared.digest,
            store=declared.store,
            public_key=self._public_key(model),
        )

    def _public_key(self, model: Declared[SentinelModel]) -> str | None:
        """Return the PEM text of the key by which a model's artifact must be signed, if any."""
        signature = model.resource.spec.artifact.signature
        if signature is None:
            return None
        ref = signature.public_key_ref
        loc = ("spec", "artifact", "signature", "publicKeyRef")
        config_map = self._config_map(ref, model.located, loc)
        if config_map is None:
            return None
        pem = config_map.resource.data[ref.key]
        if not _is_public_key(pem):
            where = config_map.located.at(("data", ref.key))
            hint = "write the file that sentinel model keygen calls public"
            self._faults.add(where, f"{ref.key} is no Ed25519 public key in PEM", hint)
        return pem

    def _config_map(
        self, ref: ConfigMapKeyRef, document: Located, loc: Loc
    ) -> Declared[ConfigMap] | None:
        """Return a ConfigMap that has the key, labelled or not: its text is checked either way."""
        config_map = self._config_maps.get(ref.name)
        if config_map is None:
            where, message = document.at((*loc, "name")), f"there is no ConfigMap {ref.name}"
            hint = _closest(ref.name, self._config_maps, "add it to the same folder")
            self._faults.add(where, message, hint, reason="InputNotFound")
            return None
        if config_map.resource.metadata.labels.get(INPUT_LABEL) != "true":
            where = config_map.located.at(("metadata", "name"))
            message = (
                f"ConfigMap {ref.name} has no label {INPUT_LABEL}=true, by which it is watched"
            )
            hint = f"run kubectl label configmap {ref.name} {INPUT_LABEL}=true"
            self._faults.add(where, message, hint, reason="InputNotLabelled")
        if ref.key not in config_map.resource.data:
            where, message = document.at((*loc, "key")), f"ConfigMap {ref.name} has no {ref.key}"
            hint = _closest(ref.key, config_map.resource.data, "add the key to its data")
            self._faults.add(where, message, hint, reason="InputNotFound")
            return None
        return config_map


def _is_public_key(pem: str) -> bool:
    try:
        return isinstance(load_pem_public_key(pem.encode()), Ed25519PublicKey)
    except (ValueError, UnsupportedAlgorithm):
        return False


def _closest(name: str, known: Mapping[str, object], otherwise: str) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else otherwise
