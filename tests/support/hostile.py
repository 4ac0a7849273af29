"""Ways to bend a sound artifact, and to say why it was refused."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.write import build_manifest
from sentinel_core.errors import ArtifactError
from sentinel_core.ids import canonical_json
from tests.support.artifacts import make_fields, make_model, pack_tar


def reason_of(path, *arguments, **options):
    """Read and load as a server does; return why it was refused."""
    with pytest.raises(ArtifactError) as refused:
        LoadedModel(read_artifact(path, *arguments, **options))
    assert refused.value.user_action
    return refused.value.reason


def rewrite(folder: Path, **files):
    """Replace files and list them properly, as an attacker with a pen would."""
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    contents |= {name.replace("_", ".", 1): data for name, data in files.items()}
    contents = {name: data for name, data in contents.items() if data is not None}
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_bytes(build_manifest(make_fields(), contents).to_bytes())
    return folder


def with_model(folder, model):
    return rewrite(folder, model_onnx=model.SerializeToString())


def edit_manifest(folder, edit):
    plain = json.loads((folder / "manifest.json").read_bytes())
    edit(plain)
    (folder / "manifest.json").write_bytes(canonical_json(plain))
    return folder


def tar_of(folder, *extra):
    """Pack the folder with further members, each a TarInfo and its data."""
    buffer = io.BytesIO(pack_tar(folder))
    with tarfile.open(fileobj=buffer, mode="a") as archive:
        for member, data in extra:
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    path = folder.parent / "model.tar"
    path.write_bytes(buffer.getvalue())
    return path


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def linear(**graph_parts):
    """A small model of standard operators; tests bend one part of it."""
    initializers = graph_parts.pop("initializer", None) or [
        numpy_helper.from_array(np.zeros((3, 1), np.float32), "w")
    ]
    nodes = [
        helper.make_node("MatMul", ["features", "w"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    return make_model(
        [*graph_parts.pop("extra_nodes", []), *nodes], initializer=initializers, **graph_parts
    )
