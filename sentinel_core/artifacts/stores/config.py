"""How a store is reached: a folder with one small file for each setting, as a Secret is mounted.

Nothing else is read: no environment, no files of a cloud's tools, no metadata service. Two servers
with the same folder reach the same store with the same rights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from sentinel_core.artifacts.refusal import refuse
from sentinel_core.artifacts.stores.address import parse_web_address
from sentinel_core.errors import ArtifactError

ENDPOINT, REGION = "endpoint", "region"
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "accessKeyId", "secretAccessKey"
CA_FILE = "ca.crt"
DEFAULT_REGION = "us-east-1"
"""What S3 stores that have no regions take."""
MAX_SETTING_BYTES = 1024 * 1024
"""The size of a Kubernetes Secret, which is where the files come from."""
_WORD = re.compile(r"[\x21-\x7e]{1,1024}")
_SECRET_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """The settings of one store.

    Attributes
    ----------
    where : the folder they were read from, for messages; empty where none was named
    endpoint : ``https://HOST[:PORT]`` of an S3 store; None where the store is a web server
    access_key_id, secret_access_key : both or neither; without them requests are not signed
    ca_pem : the only authorities that are trusted; None trusts those of the system
    """

    where: str = ""
    endpoint: str | None = None
    region: str = DEFAULT_REGION
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    ca_pem: str | None = field(default=None, repr=False)


def store_folder(stores_dir: Path | None, name: str | None) -> Path | None:
    """Return the folder of the store that a resource names.

    None where it names none, and where there are no stores, as on a laptop: what is kept already
    needs none.

    Raises
    ------
    ArtifactError
        ``StoreMisconfigured``: the name is none that a Secret can have. A retry does not help.
    """
    if name is None or stores_dir is None:
        return None
    if not _SECRET_NAME.fullmatch(name):
        raise misconfigured(
            f"{name[:128]!r} is no name of a store.", "Name a Secret in storeSecretRef."
        )
    return stores_dir / name


def read_store_config(folder: Path | None) -> StoreConfig:
    """Read the settings of a store; without a folder there are none.

    Raises
    ------
    ArtifactError
        ``StoreMisconfigured``. A retry does not help.
    """
    if folder is None:
        return StoreConfig()
    if not folder.is_dir():
        raise misconfigured(
            f"There is no folder {folder}.",
            "Create the Secret that storeSecretRef names, or name the store's folder.",
        )
    config = StoreConfig(
        where=str(folder),
        endpoint=_read_word(folder, ENDPOINT),
        region=_read_word(folder, REGION) or DEFAULT_REGION,
        access_key_id=_read_word(folder, ACCESS_KEY_ID),
        secret_access_key=_read_word(folder, SECRET_ACCESS_KEY),
        ca_pem=_read_text(folder, CA_FILE),
    )
    if (config.access_key_id is None) != (config.secret_access_key is None):
        raise misconfigured(
            f"{folder} has only one of {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}.",
            "Give both, or neither for a store that anybody may read.",
        )
    _check_endpoint(config)
    return config


def misconfigured(message: str, user_action: str) -> ArtifactError:
    """Build the refusal of a store whose settings cannot work."""
    return refuse("StoreMisconfigured", message, user_action)


def _check_endpoint(config: StoreConfig) -> None:
    if config.endpoint is None:
        return
    try:
        address = parse_web_address(config.endpoint)
    except ArtifactError:
        address = None
    if address is None or address.target != "/":
        # What is wrong with it is not shown: it may hold a password.
        raise misconfigured(
            f"The file {ENDPOINT} in {config.where} is no address of a store.",
            "Write it as https://HOST or https://HOST:PORT, without a path, name or password.",
        )


def _read_word(folder: Path, name: str) -> str | None:
    """Read a setting of one word; white space around it, such as a last line's end, is none of it."""
    text = _read_text(folder, name)
    if text is None:
        return None
    if not _WORD.fullmatch(text.strip()):
        raise misconfigured(
            f"The file {name} in {folder} is not one word.", "Write the bare value into it."
        )
    return text.strip()


def _read_text(folder: Path, name: str) -> str | None:
    try:
        with (folder / name).open("rb") as file:
            data = file.read(MAX_SETTING_BYTES + 1)
        if len(data) > MAX_SETTING_BYTES:
            raise misconfigured(
                f"The file {name} in {folder} is over {MAX_SETTING_BYTES} bytes.",
                "Write the bare value into it.",
            )
        return data.decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise misconfigured(
            f"The file {name} in {folder} cannot be read: {reason}.", "Check its permissions."
        ) from None
    except UnicodeDecodeError:
        raise misconfigured(
            f"The file {name} in {folder} is not UTF-8.", "Write the bare value into it."
        ) from None
