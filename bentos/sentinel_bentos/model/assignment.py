"""Which artifacts a model server is to serve: artifacts.json in the folder it is given.

The folder changes all at once, as `sentinel_core.release.projection` has it.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from sentinel_bentos.watch import DATA_LINK
from sentinel_core.artifacts.manifest import Digest
from sentinel_core.errors import ConfigurationError, NotReadyError
from sentinel_core.resources.server import MAX_OTHER_ARTIFACTS

FILE = "artifacts.json"


class _Part(BaseModel):
    # What a newer operator adds must not stop an older server.
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


class AssignedArtifact(_Part):
    """One artifact: where it lies, and what it must be.

    Attributes
    ----------
    public_key : PEM of the key that must have signed it; None asks for no signature
    store : name of the Secret with the store's settings; None where the URI says all
    """

    uri: str = Field(min_length=1, max_length=2048)
    digest: Digest
    public_key: str | None = Field(None, max_length=4096)
    store: str | None = Field(None, max_length=253)


class Assignment(_Part):
    """The default version, and those that are served when a client names them."""

    default: AssignedArtifact
    others: tuple[AssignedArtifact, ...] = Field((), max_length=MAX_OTHER_ARTIFACTS)

    @property
    def others_by_digest(self) -> dict[str, AssignedArtifact]:
        """The others, each once and without the default."""
        return {one.digest: one for one in self.others if one.digest != self.default.digest}


def read_assignment(folder: Path) -> Assignment:
    """Read what is to be served.

    Raises
    ------
    NotReadyError
        There is nothing yet. Retryable: yes.
    ConfigurationError
        artifacts.json is not valid. Retryable: no.
    """
    try:
        data = (folder / DATA_LINK / FILE).read_bytes()
    except OSError as error:
        raise NotReadyError(
            f"There is no {FILE} in {folder} yet.", user_action="Wait for it to be written."
        ) from error
    try:
        return Assignment.model_validate_json(data)
    except ValidationError as error:
        faults = [
            f"{'.'.join(str(part) for part in fault['loc']) or FILE}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False)
        ]
        raise ConfigurationError(
            f"{FILE} is not valid: {'; '.join(faults[:20])}.",
            user_action="Run an operator of the server's version, or mend the ConfigMap.",
        ) from error
