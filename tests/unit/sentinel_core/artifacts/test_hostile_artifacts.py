"""Hostile artifacts: each is refused with its own reason, and nothing is left behind."""

import io
import json
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from sentinel_core.artifacts.contents import Limits
from sentinel_core.artifacts.probe import Probe
from sentinel_core.artifacts.read import read_artifact
from sentinel_core.artifacts.session import LoadedModel
from sentinel_core.artifacts.sign import generate_key
from sentinel_core.artifacts.write import build_manifest, pack_tar
from sentinel_core.errors import ArtifactError
from sentinel_core.ids import canonical_json, digest_bytes
from tests.support.artifacts import (
    make_fields,
    make_model,
    random_trees,
    tree_model,
    write_small_artifact,
)


@pytest.fixture
def folder(tmp_path):
    write_small_artifact(tmp_path / "model")
    return tmp_path / "model"


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


# Folders and tars


def test_nothing_there(tmp_path):
    assert reason_of(tmp_path / "none") == "ArtifactMissing"


def test_an_empty_folder(tmp_path):
    assert reason_of(tmp_path) == "NotAnArtifact"


def test_a_file_that_is_no_tar(tmp_path):
    (tmp_path / "model.tar").write_bytes(pickle.dumps({"model": 1}) * 400)
    assert reason_of(tmp_path / "model.tar") == "NotAnArtifact"


def test_a_compressed_tar_which_could_unfold_to_any_size(folder):
    path = folder.parent / "model.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, ".")
    assert reason_of(path) == "NotAnArtifact"


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "explainer/../../evil", "..\\evil", "C:evil"]
)
def test_a_tar_member_that_points_out(folder, name):
    assert reason_of(tar_of(folder, (member(name), b"x"))) == "PathEscape"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_a_tar_member_that_is_no_plain_file(folder, kind):
    assert reason_of(tar_of(folder, (member("extra", kind, "card.md"), b""))) == "ForbiddenFile"


def test_a_tar_with_one_name_twice(folder):
    assert reason_of(tar_of(folder, (member("./model.onnx"), b"other"))) == "DuplicateFile"


@pytest.mark.parametrize("name", ["card.md/inner", "explainer"])
def test_a_tar_with_a_file_where_a_folder_is(folder, name):
    assert reason_of(tar_of(folder, (member(name), b"x"))) == "DuplicateFile"


@pytest.mark.parametrize("name", [".", "", ".hidden", "a/b/c", "card.md\n", "-rf"])
def test_a_tar_member_with_a_name_that_no_artifact_uses(folder, name):
    assert reason_of(tar_of(folder, (member(name), b"x"))) == "ForbiddenFile"


def test_a_tar_with_more_entries_than_an_artifact_has(folder):
    many = [(member(f"extra/{n}"), b"") for n in range(200)]
    assert reason_of(tar_of(folder, *many)) == "ArtifactTooLarge"


@pytest.mark.parametrize("kept", [700, 5_000, -600])
def test_a_tar_that_breaks_off(folder, kept):
    path = tar_of(folder)
    path.write_bytes(path.read_bytes()[:kept])
    assert reason_of(path) == "Truncated"


def test_a_tar_header_that_promises_more_than_there_is(folder):
    data = bytearray(pack_tar(folder))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        last = archive.getmembers()[-1]
    last.size = 50_000_000
    data[last.offset : last.offset + 512] = last.tobuf(tarfile.USTAR_FORMAT)
    (folder.parent / "model.tar").write_bytes(data)
    assert reason_of(folder.parent / "model.tar") == "NotAnArtifact"


def test_a_link_in_a_folder(folder):
    (folder / "card.md").unlink()
    (folder / "card.md").symlink_to("/etc/hostname")
    assert reason_of(folder) == "ForbiddenFile"


def test_a_linked_folder_in_a_folder(folder):
    (folder / "extra").symlink_to("/etc")
    assert reason_of(folder) == "ForbiddenFile"


def test_a_named_pipe_does_not_hold_the_reader(folder):
    (folder / "card.md").unlink()
    os.mkfifo(folder / "card.md")
    assert reason_of(folder) == "ForbiddenFile"


def test_a_named_pipe_in_place_of_a_tar_does_not_hold_the_reader(tmp_path):
    os.mkfifo(tmp_path / "model.tar")
    assert reason_of(tmp_path / "model.tar") == "ForbiddenFile"


def test_a_file_over_its_limit(folder):
    limits = Limits(max_file_bytes=1000)
    assert reason_of(folder, limits=limits) == "ArtifactTooLarge"
    assert reason_of(tar_of(folder), limits=limits) == "ArtifactTooLarge"


def test_files_over_the_limit_for_all(folder):
    assert reason_of(folder, limits=Limits(max_total_bytes=3000)) == "ArtifactTooLarge"
    limits = Limits(max_total_bytes=0)
    (folder.parent / "model.tar").write_bytes(pack_tar(folder) + bytes(1_000_000))
    assert reason_of(folder.parent / "model.tar", limits=limits) == "ArtifactTooLarge"


def test_a_huge_manifest(folder):
    (folder / "manifest.json").write_bytes(b" " * (1024 * 1024 + 1))
    assert reason_of(folder) == "ArtifactTooLarge"


# Digests and signatures


def test_another_artifact_than_the_release_names(folder):
    assert reason_of(folder, digest_bytes(b"another")) == "DigestMismatch"


def test_a_file_that_was_exchanged(folder):
    data = bytearray((folder / "model.onnx").read_bytes())
    data[100] ^= 1
    (folder / "model.onnx").write_bytes(data)
    assert reason_of(folder) == "DigestMismatch"


def test_a_file_that_was_cut_short(folder):
    data = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(data[:-1])
    assert reason_of(folder) == "Truncated"


def test_a_file_that_grew(folder):
    (folder / "card.md").write_bytes((folder / "card.md").read_bytes() + b"more")
    assert reason_of(folder) == "DigestMismatch"


def test_a_file_that_the_manifest_does_not_list(folder):
    (folder / "setup.py").write_text("import os")
    assert reason_of(folder) == "UnlistedFile"


def test_a_listed_file_that_is_not_there(folder):
    (folder / "card.md").unlink()
    assert reason_of(folder) == "MissingFile"


def test_no_signature_where_a_key_is_set(folder):
    _, public = generate_key()
    assert reason_of(folder, None, public) == "SignatureMissing"


def test_a_signature_of_another_key(tmp_path):
    private, _ = generate_key()
    _, public = generate_key()
    write_small_artifact(tmp_path / "model", private_key_pem=private)
    assert reason_of(tmp_path / "model", None, public) == "SignatureInvalid"


def test_a_signature_of_another_manifest(tmp_path):
    private, public = generate_key()
    write_small_artifact(tmp_path / "one", private_key_pem=private)
    write_small_artifact(tmp_path / "other", private_key_pem=private, version="2")
    (tmp_path / "one/SIGNATURE").write_bytes((tmp_path / "other/SIGNATURE").read_bytes())
    assert reason_of(tmp_path / "one", None, public) == "SignatureInvalid"


@pytest.mark.parametrize(
    "signature",
    [
        b"", b"{}", b"[" * 4000, b'{"algorithm":"none","keyId":"","signature":""}',
        b'{"algorithm":"Ed25519","keyId":"a","signature":"!","x":1}',
    ],
)  # fmt: skip
def test_a_signature_file_that_is_none(tmp_path, signature):
    private, public = generate_key()
    write_small_artifact(tmp_path / "model", private_key_pem=private)
    (tmp_path / "model/SIGNATURE").write_bytes(signature)
    assert reason_of(tmp_path / "model", None, public) == "SignatureInvalid"


def test_a_public_key_that_is_none(folder):
    assert reason_of(folder, None, b"-----BEGIN PUBLIC KEY-----") == "KeyInvalid"


def test_a_forged_manifest_is_not_even_parsed_where_a_key_is_set(tmp_path):
    private, public = generate_key()
    write_small_artifact(tmp_path / "model", private_key_pem=private)
    (tmp_path / "model/manifest.json").write_bytes(b"not JSON")
    assert reason_of(tmp_path / "model", None, public) == "SignatureInvalid"


# The manifest


@pytest.mark.parametrize(
    "data",
    [
        b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"name":NaN}', b'{"a":1e999}',
        b'{"rows":' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_manifest_that_is_none(folder, data):
    (folder / "manifest.json").write_bytes(data)
    assert reason_of(folder) == "ManifestInvalid"


def test_a_manifest_in_another_spelling(folder):
    data = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(data + b"\n")
    assert reason_of(folder) == "ManifestInvalid"


def test_a_manifest_with_a_doubled_key(folder):
    data = (folder / "manifest.json").read_bytes()
    doubled = data.replace(b'"task":', b'"task":"Other","task":')
    (folder / "manifest.json").write_bytes(doubled)
    assert reason_of(folder) == "ManifestInvalid"


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda m: m.update(surprise=1), id="unknown field"),
        pytest.param(lambda m: m.update(name="x" * 10_000), id="long name"),
        pytest.param(lambda m: m.update(name="../evil"), id="name that is a path"),
        pytest.param(lambda m: m.update(task="Regression"), id="another task"),
        pytest.param(lambda m: m.update(inputs=[]), id="no inputs"),
        pytest.param(lambda m: m["inputs"].append(m["inputs"][0]), id="one input twice"),
        pytest.param(lambda m: m["inputs"][0].update(dtype="float64"), id="another type"),
        pytest.param(lambda m: m["trainingData"].update(frauds=10_000), id="more frauds than rows"),
        pytest.param(lambda m: m["trainingData"].update(rows="1000"), id="number as text"),
        pytest.param(lambda m: m["calibration"].update(a=-1.0), id="falling calibration"),
        pytest.param(lambda m: m["files"].pop("probe.json"), id="no probe listed"),
        pytest.param(
            lambda m: m["files"].update({"../evil": m["files"]["card.md"]}), id="file that escapes"
        ),
        pytest.param(
            lambda m: m["files"].update({"SIGNATURE": m["files"]["card.md"]}), id="lists SIGNATURE"
        ),
        pytest.param(
            lambda m: m.update(lineage={str(n): "x" for n in range(65)}), id="too many texts"
        ),
    ],
)
def test_a_manifest_that_breaks_a_rule(folder, edit):
    assert reason_of(edit_manifest(folder, edit)) == "ManifestInvalid"


# The graph


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


def external(tensor, place="/etc/passwd"):
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value=place)
    return tensor


def sparse_weights():
    values = numpy_helper.from_array(np.ones(1, np.float32), "w")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "w_indices")
    return helper.make_sparse_tensor(values, indices, [3, 1])


def test_a_model_that_is_no_onnx(folder):
    assert reason_of(rewrite(folder, model_onnx=b"\x80\x04not onnx at all")) == "NotOnnx"


def test_an_empty_model(folder):
    assert reason_of(rewrite(folder, model_onnx=b"")) == "NotOnnx"


def test_a_pickled_model(folder):
    assert reason_of(rewrite(folder, model_onnx=pickle.dumps(os.system))) == "NotOnnx"


def test_a_model_that_parses_but_does_not_run(folder):
    model = linear()
    model.graph.node[0].op_type = "NoSuchOperator"
    assert reason_of(with_model(folder, model)) == "NotOnnx"


def test_external_data_of_a_dense_tensor(folder):
    model = linear()
    external(model.graph.initializer[0])
    assert reason_of(with_model(folder, model)) == "ExternalData"


def test_external_data_that_is_named_but_not_declared(folder):
    model = linear()
    model.graph.initializer[0].external_data.add(key="location", value="weights.bin")
    assert reason_of(with_model(folder, model)) == "ExternalData"


@pytest.mark.parametrize("part", ["values", "indices"])
def test_external_data_of_a_sparse_tensor(folder, part):
    sparse = sparse_weights()
    external(getattr(sparse, part))
    model = linear(sparse_initializer=[sparse])
    assert reason_of(with_model(folder, model)) == "ExternalData"


def test_external_data_of_a_tensor_in_an_attribute(folder):
    tensor = external(numpy_helper.from_array(np.zeros(1, np.float32), "c"))
    node = helper.make_node("Constant", [], ["c"], value=tensor)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ExternalData"


def test_external_data_of_a_sparse_tensor_in_an_attribute(folder):
    sparse = sparse_weights()
    external(sparse.values)
    node = helper.make_node("Constant", [], ["c"], sparse_value=sparse)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ExternalData"


def test_external_data_in_a_graph_within_a_graph(folder):
    tensor = external(numpy_helper.from_array(np.zeros(1, np.float32), "c"))
    branch = helper.make_graph([], "branch", [], [], initializer=[tensor])
    node = helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ExternalData"


def test_a_foreign_operator(folder):
    node = helper.make_node("Inverse", ["features"], ["x"], domain="com.microsoft")
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ForbiddenDomain"


def test_a_foreign_operator_in_a_graph_within_a_graph(folder):
    inner = helper.make_graph([helper.make_node("Evil", [], ["x"], domain="evil")], "b", [], [])
    middle = helper.make_node("If", ["yes"], ["x"], then_branch=inner, else_branch=inner)
    outer = helper.make_graph([middle], "a", [], [])
    node = helper.make_node("If", ["yes"], ["x"], then_branch=outer, else_branch=outer)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ForbiddenDomain"


def test_a_foreign_operator_in_a_function(folder):
    model = linear()
    evil = helper.make_node("Evil", ["x"], ["y"], domain="evil")
    opsets = [helper.make_opsetid("", 21)]
    model.functions.append(helper.make_function("ai.onnx", "Twice", ["x"], ["y"], [evil], opsets))
    assert reason_of(with_model(folder, model)) == "ForbiddenDomain"


def test_a_function_of_a_foreign_domain(folder):
    model = linear()
    node = helper.make_node("Add", ["x", "x"], ["y"])
    opsets = [helper.make_opsetid("", 21)]
    model.functions.append(helper.make_function("own", "Twice", ["x"], ["y"], [node], opsets))
    assert reason_of(with_model(folder, model)) == "ForbiddenDomain"


def test_an_import_of_a_foreign_domain(folder):
    model = linear()
    model.opset_import.add(domain="com.microsoft", version=1)
    assert reason_of(with_model(folder, model)) == "ForbiddenDomain"


@pytest.mark.parametrize(("domain", "version"), [("", 23), ("ai.onnx.ml", 6), ("", 0), ("", -1)])
def test_an_opset_that_is_not_served(folder, domain, version):
    model = linear()
    model.opset_import.add(domain=domain, version=version)
    assert reason_of(with_model(folder, model)) == "UnsupportedOpset"


def test_a_loop_that_could_run_for_ever(folder):
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("Loop", ["", ""], ["x"], body=body)
    assert reason_of(with_model(folder, linear(extra_nodes=[node]))) == "ForbiddenOperator"


def test_a_training_graph(folder):
    model = linear()
    model.training_info.add()
    assert reason_of(with_model(folder, model)) == "ForbiddenOperator"


def test_more_nodes_than_a_model_needs(folder):
    nodes = [helper.make_node("Identity", ["features"], [f"n{n}"]) for n in range(10_001)]
    assert reason_of(with_model(folder, linear(extra_nodes=nodes))) == "ArtifactTooLarge"


def test_more_graphs_than_a_model_needs(folder):
    branch = helper.make_graph([], "branch", [], [])
    node = helper.make_node("If", ["yes"], ["x"], then_branch=branch, else_branch=branch)
    assert reason_of(with_model(folder, linear(extra_nodes=[node] * 40))) == "ArtifactTooLarge"


def test_an_input_of_another_width(folder):
    model = linear()
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 4
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_an_input_of_another_type(folder):
    model = linear()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_an_input_for_one_row_only(folder):
    model = linear()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 16
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_two_inputs(folder):
    model = linear()
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, ["rows", 3]))
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_outputs_of_another_shape(folder):
    model = linear()
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_outputs_of_another_name(folder):
    model = linear()
    model.graph.output[0].name = "label"
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


def test_outputs_that_lie_about_their_shape(folder):
    nodes = [
        helper.make_node("ReduceSum", ["features"], ["margin"], keepdims=0),
        helper.make_node("Sigmoid", ["margin"], ["probability"]),
    ]
    model = make_model(nodes)
    for output in model.graph.output:
        del output.type.tensor_type.shape.dim[1]
    assert reason_of(with_model(folder, model)) == "SchemaMismatch"


# The probe and the explainer


def plain_probe(**changes):
    given = {"inputs": ((0.0, 0.0, 0.0),), "margin": (0.0,), "probability": (0.5,)}
    return Probe(**given | changes).to_bytes()


def without_explainer(folder, **files):
    for path in (folder / "explainer").iterdir():
        path.unlink()
    return rewrite(folder, **files)


def test_a_sound_model_without_trees_is_taken(folder):
    model = linear().SerializeToString()
    sound = without_explainer(folder, model_onnx=model, probe_json=plain_probe())
    assert LoadedModel(read_artifact(sound)).explainer is None


def test_outputs_that_are_not_numbers(folder):
    nan = numpy_helper.from_array(np.full((3, 1), np.nan, np.float32), "w")
    model = linear(initializer=[nan]).SerializeToString()
    hostile = without_explainer(folder, model_onnx=model, probe_json=plain_probe())
    assert reason_of(hostile) == "NotFinite"


def test_a_probability_over_one(folder):
    model = linear()
    model.graph.node[1].op_type = "Exp"
    weights = numpy_helper.from_array(np.ones((3, 1), np.float32), "w")
    model.graph.initializer[0].CopyFrom(weights)
    probe = plain_probe(inputs=((1.0, 1.0, 1.0),))
    hostile = without_explainer(folder, model_onnx=model.SerializeToString(), probe_json=probe)
    assert reason_of(hostile) == "NotFinite"


@pytest.mark.parametrize("changes", [{"margin": (0.1,)}, {"probability": (0.6,)}])
def test_a_model_that_answers_other_than_in_training(folder, changes):
    model = linear().SerializeToString()
    hostile = without_explainer(folder, model_onnx=model, probe_json=plain_probe(**changes))
    assert reason_of(hostile) == "ProbeMismatch"


def test_a_probe_of_another_width(folder):
    model = linear().SerializeToString()
    probe = plain_probe(inputs=((0.0, 0.0),))
    hostile = without_explainer(folder, model_onnx=model, probe_json=probe)
    assert reason_of(hostile) == "SchemaMismatch"


@pytest.mark.parametrize(
    "probe",
    [
        b"", b"[]", b'{"inputs":[],"margin":[],"probability":[]}',
        b'{"inputs":[[0,0,0]],"margin":[0],"probability":[0.5],"probabilityTolerance":1}',
        b'{"inputs":[[0,0,0]],"margin":[0],"probability":[2]}',
        b'{"inputs":[[0,0,0]],"margin":[NaN],"probability":[0.5]}',
        b'{"inputs":[[0,0,0]],"margin":[0,0],"probability":[0.5]}',
    ],
)  # fmt: skip
def test_a_probe_that_proves_nothing(folder, probe):
    assert reason_of(rewrite(folder, probe_json=probe)) == "ProbeInvalid"


def npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def replace_array(folder, name, data):
    (folder / f"explainer/{name}.npy").write_bytes(data)
    return rewrite(folder)


def test_a_pickle_in_an_array(folder):
    data = npy(np.array([os.system], dtype=object), allow_pickle=True)
    assert reason_of(replace_array(folder, "value", data)) == "ExplainerInvalid"


def test_an_array_header_that_promises_more_than_there_is(folder):
    data = npy(np.zeros(8))
    huge = data.replace(b"(8,), }" + b" " * 12, b"(8000000000000,), }")
    assert len(huge) == len(data)
    assert reason_of(replace_array(folder, "value", huge)) == "ExplainerInvalid"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x93NUMPY", b"not an array", npy(np.zeros(3)), npy(np.zeros(3, ">f8")),
        npy(np.asfortranarray(np.zeros((2, 2)))), npy(np.zeros(3), version=(2, 0)),
    ],
)  # fmt: skip
def test_an_array_that_does_not_belong(folder, data):
    assert reason_of(replace_array(folder, "value", data)) == "ExplainerInvalid"


def test_an_unknown_array(folder):
    assert reason_of(replace_array(folder, "hook", npy(np.zeros(1)))) == "ExplainerInvalid"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", np.zeros_like),
        ("right", lambda a: np.full_like(a, 2**31 - 1)),
        ("feature", lambda a: np.where(a >= 0, a - 5, a)),
        ("feature", lambda a: np.where(a >= 0, a + 50, a)),
        ("cover", lambda a: a * 0.0),
        ("value", lambda a: a * np.nan),
        ("threshold", lambda a: a * np.float32(np.nan)),
        ("roots", lambda a: a[:1]),
        ("roots", lambda a: -a),
    ],
)
def test_arrays_that_are_no_trees(folder, name, change):
    array = np.load(folder / f"explainer/{name}.npy")
    data = npy(change(array).astype(array.dtype))
    assert reason_of(replace_array(folder, name, data)) == "ExplainerInvalid"


def test_an_explainer_of_another_model(folder):
    other = random_trees(np.random.default_rng(99))
    for name, array in other.to_arrays().items():
        (folder / f"explainer/{name}.npy").write_bytes(npy(array))
    assert reason_of(rewrite(folder)) == "ProbeMismatch"


def test_a_model_of_other_trees_than_it_was_probed_with(folder):
    model = tree_model(random_trees(np.random.default_rng(99)))
    assert reason_of(with_model(folder, model)) == "ProbeMismatch"


def test_reading_leaves_nothing_behind(folder, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    before = sorted(path for path in tmp_path.rglob("*"))
    assert reason_of(folder, digest_bytes(b"another")) == "DigestMismatch"
    LoadedModel(read_artifact(folder))
    assert sorted(path for path in tmp_path.rglob("*")) == before
