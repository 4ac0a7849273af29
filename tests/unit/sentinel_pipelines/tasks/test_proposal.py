"""A proposal changes what it must in a manifest, and leaves every other character."""

from __future__ import annotations

import pytest

from sentinel_core.errors import InvalidDocumentError, NotFoundError
from sentinel_core.ids import digest_bytes
from sentinel_core.resources import load_manifest
from sentinel_pipelines.tasks.proposal import Proposal, find_model, propose

HEAD = """# The model that everybody asks about.
apiVersion: sentinel.dev/v1alpha1
kind: SentinelModel
metadata: {name: card-fraud}
spec:
"""
OLD, NEW = digest_bytes(b"old"), digest_bytes(b"new")
LOCAL = Proposal("file:///srv/models/card-fraud/2", NEW)
STORED = Proposal("s3://models/card-fraud-0123.tar", NEW, "model-store")

BLOCK = f"""  artifact:
    uri: models/old   # where it lies
    digest: {OLD}
    # Ask Ada before changing this.
  suspend: false
"""
BLOCK_WITH_STORE = f"""  artifact:
    storeSecretRef: {{name: "old-store"}}   # mounted
    digest: '{OLD}'
    uri: "s3://models/old.tar"
"""
FLOW = f"""  artifact: {{uri: models/old, digest: {OLD}}}   # one line
"""
FLOW_ON_LINES = f"""  artifact: {{
    uri: models/old,
    digest: {OLD}
  }}
"""


def proposed(folder, artifact, proposal, head=HEAD):
    """Write a manifest, propose in it, and return its part about the artifact."""
    file = folder / "model.yaml"
    file.write_text(head + artifact)
    assert propose(find_model(folder, None), proposal) == file
    text = file.read_text()
    assert text.startswith(head)
    return text.removeprefix(head)


def test_a_local_artifact_changes_uri_and_digest_only(tmp_path):
    assert (
        proposed(tmp_path, BLOCK, LOCAL)
        == f"""  artifact:
    uri: file:///srv/models/card-fraud/2   # where it lies
    digest: {NEW}
    # Ask Ada before changing this.
  suspend: false
"""
    )


def test_the_secret_of_a_store_is_added_where_there_is_none(tmp_path):
    assert (
        proposed(tmp_path, BLOCK, STORED)
        == f"""  artifact:
    uri: s3://models/card-fraud-0123.tar   # where it lies
    storeSecretRef: {{name: model-store}}
    digest: {NEW}
    # Ask Ada before changing this.
  suspend: false
"""
    )


def test_the_secret_of_a_store_is_replaced_where_there_is_one(tmp_path):
    assert (
        proposed(tmp_path, BLOCK_WITH_STORE, STORED)
        == f"""  artifact:
    storeSecretRef: {{name: model-store}}   # mounted
    digest: {NEW}
    uri: s3://models/card-fraud-0123.tar
"""
    )


def test_the_secret_that_is_written_stays_where_none_is_proposed(tmp_path):
    again = Proposal(STORED.uri, STORED.digest)
    text = proposed(tmp_path, BLOCK_WITH_STORE, again)
    assert 'storeSecretRef: {name: "old-store"}   # mounted' in text


def test_a_local_artifact_takes_the_secret_of_the_store_out(tmp_path):
    stored = proposed(tmp_path, BLOCK, STORED)
    assert proposed(tmp_path, stored, LOCAL) == proposed(tmp_path, BLOCK, LOCAL)


def test_what_somebody_said_beside_the_secret_stays(tmp_path):
    assert proposed(tmp_path, BLOCK_WITH_STORE, LOCAL).splitlines()[1].strip() == "# mounted"


def test_an_artifact_on_one_line_stays_on_one_line(tmp_path):
    stored = f"uri: {STORED.uri}, storeSecretRef: {{name: model-store}}, digest: {NEW}"
    assert proposed(tmp_path, FLOW, LOCAL) == (
        f"  artifact: {{uri: {LOCAL.uri}, digest: {NEW}}}   # one line\n"
    )
    assert proposed(tmp_path, FLOW, STORED) == f"  artifact: {{{stored}}}   # one line\n"
    there_and_back = proposed(tmp_path, f"  artifact: {{{stored}}}   # one line\n", LOCAL)
    assert there_and_back == f"  artifact: {{uri: {LOCAL.uri}, digest: {NEW}}}   # one line\n"


def test_an_artifact_in_braces_over_several_lines_is_understood(tmp_path):
    proposed(tmp_path, FLOW_ON_LINES, STORED)
    artifact = load_manifest(tmp_path).models[0].resource.spec.artifact
    assert (artifact.uri, artifact.digest) == (STORED.uri, STORED.digest)
    assert artifact.store_secret_ref.name == "model-store"


def test_only_the_named_model_of_several_is_changed(tmp_path):
    other = HEAD.replace("card-fraud", "other") + BLOCK
    (tmp_path / "model.yaml").write_text(f"{other}---\n{HEAD}{BLOCK}")
    propose(find_model(tmp_path, "card-fraud"), LOCAL)
    assert (tmp_path / "model.yaml").read_text().startswith(f"{other}---\n")
    digests = {
        one.resource.metadata.name: one.resource.spec.artifact.digest
        for one in load_manifest(tmp_path).models
    }
    assert digests == {"other": OLD, "card-fraud": NEW}


@pytest.mark.parametrize("name", [None, "third"])
def test_which_model_is_meant_must_be_clear(tmp_path, name):
    other = HEAD.replace("card-fraud", "other") + BLOCK
    (tmp_path / "model.yaml").write_text(f"{other}---\n{HEAD}{BLOCK}")
    with pytest.raises(NotFoundError):
        find_model(tmp_path, name)


@pytest.mark.parametrize(
    ("artifact", "proposal"),
    [
        pytest.param(
            BLOCK_WITH_STORE.replace("{name", "\n      {name"), LOCAL,
            id="a Secret of a store that cannot be taken out",
        ),
        pytest.param(BLOCK, Proposal(STORED.uri, NEW), id="a stored artifact without one"),
        pytest.param(
            f"  artifact:\n    uri: >-\n      models/old\n    digest: {OLD}\n", LOCAL,
            id="a value that does not stand on its line",
        ),
    ],
)  # fmt: skip
def test_what_would_not_be_valid_is_not_written(tmp_path, artifact, proposal):
    file = tmp_path / "model.yaml"
    file.write_text(HEAD + artifact)
    with pytest.raises(InvalidDocumentError):
        propose(find_model(tmp_path, None), proposal)
    assert file.read_text() == HEAD + artifact
    assert list(tmp_path.iterdir()) == [file]
