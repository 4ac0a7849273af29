"""Twelve artifacts that must not be served, each broken in a way of its own.

The thirteenth fault, a proof that runs out of memory, needs a limit that somebody sets; see
`too_much_memory`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import helper, numpy_helper

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.sign import generate_key
from sentinel_core.ids import digest_bytes
from tests.support.artifacts import make_model, pack_tar, write_small_artifact
from tests.support.hostile import linear, rewrite

Put = Callable[[str, bytes], str]
"""Puts an object under a key into a store, and returns its URI."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked to be proven.

    Attributes
    ----------
    store : ``good``, or how its settings are wrong: ``unreachable`` or ``denied``
    """

    uri: str
    digest: str
    public_key: bytes | None = None
    store: str = "good"


class Bench:
    """Where broken artifacts are made; each makes use of one bench alone."""

    def __init__(self, folder: Path, put: Put) -> None:
        self.folder = folder
        self.model = folder / "model"
        self._put = put
        self.private, self.public = generate_key()
        write_small_artifact(self.model, private_key_pem=self.private)

    def put(
        self, data: bytes | None = None, public_key: bytes | None = None, store: str = "good"
    ) -> Case:
        """Put the artifact, or something else in its place."""
        digest = digest_bytes((self.model / "manifest.json").read_bytes())
        tar = pack_tar(self.model) if data is None else data
        uri = self._put(f"{self.folder.name}/card.tar", tar)
        return Case(uri, digest, public_key, store)

    def put_other(self, **files: bytes) -> Case:
        """Put the artifact with other files in it, listed properly, and without a signature."""
        (self.model / "SIGNATURE").unlink()
        rewrite(self.model, **files)
        return self.put()

    def put_without_trees(self, **files: bytes) -> Case:
        """Put an artifact whose model nothing explains."""
        for path in (self.model / "explainer").iterdir():
            path.unlink()
        return self.put_other(**files)


def missing(bench: Bench) -> Case:
    case = bench.put()
    return Case(case.uri.replace("card.tar", "none.tar"), case.digest)


def of_another_digest(bench: Bench) -> Case:
    return Case(bench.put().uri, digest_bytes(b"another"))


def unsigned(bench: Bench) -> Case:
    (bench.model / "SIGNATURE").unlink()
    return bench.put(public_key=bench.public)


def signed_by_another(bench: Bench) -> Case:
    _, public = generate_key()
    return bench.put(public_key=public)


def truncated(bench: Bench) -> Case:
    return bench.put(pack_tar(bench.model)[:5000])


def not_onnx(bench: Bench) -> Case:
    return bench.put_other(model_onnx=b"import os")


def of_another_schema(bench: Bench) -> Case:
    wide = numpy_helper.from_array(np.zeros((4, 1), np.float32), "w")
    model = linear(initializer=[wide])
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
    return bench.put_without_trees(model_onnx=model.SerializeToString())


def of_other_answers(bench: Bench) -> Case:
    probe = Probe(inputs=((0.0, 0.0, 0.0),), margin=(0.1,), probability=(0.5,))
    model = linear().SerializeToString()
    return bench.put_without_trees(model_onnx=model, probe_json=probe.to_bytes())


def too_large(bench: Bench) -> Case:
    return bench.put(pack_tar(bench.model) + bytes(Limits().max_tar_bytes))


def not_a_number(bench: Bench) -> Case:
    nan = numpy_helper.from_array(np.full((3, 1), np.nan, np.float32), "w")
    model = linear(initializer=[nan]).SerializeToString()
    return bench.put_without_trees(model_onnx=model, probe_json=_no_margin())


def in_an_unreachable_store(bench: Bench) -> Case:
    return bench.put(store="unreachable")


def in_a_store_that_denies(bench: Bench) -> Case:
    return bench.put(store="denied")


BROKEN: dict[Callable[[Bench], Case], str] = {
    missing: "ArtifactMissing",
    of_another_digest: "DigestMismatch",
    unsigned: "SignatureMissing",
    signed_by_another: "SignatureInvalid",
    truncated: "Truncated",
    not_onnx: "NotOnnx",
    of_another_schema: "SchemaMismatch",
    of_other_answers: "ProbeMismatch",
    too_large: "ArtifactTooLarge",
    not_a_number: "NotFinite",
    in_an_unreachable_store: "StoreUnreachable",
    in_a_store_that_denies: "StoreDenied",
}
"""The reason that each is refused for."""


def too_much_memory(bench: Bench) -> Case:
    """Put an artifact of some kilobytes whose model takes 2 GiB for a row.

    Every check passes that does not run it; a process with less is killed and says nothing any more.
    """
    wide = numpy_helper.from_array(np.array([1, 2**29], np.int64), "wide")
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    nodes = [
        helper.make_node("ReduceSum", ["features", "axis"], ["sum"], keepdims=1),
        helper.make_node("Expand", ["sum", "wide"], ["all"]),
        helper.make_node("ReduceMax", ["all", "axis"], ["margin"], keepdims=1),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    model = make_model(nodes, initializer=[wide, axis]).SerializeToString()
    return bench.put_without_trees(model_onnx=model, probe_json=_no_margin())


def _no_margin() -> bytes:
    return Probe(inputs=((0.0, 0.0, 0.0),), margin=(0.0,), probability=(0.5,)).to_bytes()
