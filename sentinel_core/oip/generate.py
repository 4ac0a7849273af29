"""The stubs of the Open Inference Protocol, written from the .proto by protoc.

Run as ``python -m sentinel_core.oip.generate [--check]``, with the extra ``dev`` installed.

They keep their messages in a pool of descriptors of their own. Every client library brings messages of
the same full names, and protobuf's common pool holds one of a name: a process that loaded both would
end with "duplicate symbol".
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

from sentinel_core.errors import SentinelError
from sentinel_core.generated import write_files

_PROTO = Path("sentinel_core/oip/open_inference.proto")
"""From the folder that holds the package: protoc makes the names of imports of it."""
_ROOT = Path(__file__).parents[2]
_COMMON_POOL, _OWN_POOL = "_descriptor_pool.Default()", "_descriptor_pool.DescriptorPool()"


def generate() -> dict[Path, str]:
    """Return the text of each generated file by its path. Raises as `run_protoc`."""
    texts = run_protoc(_ROOT, _PROTO)
    messages = _ROOT / _PROTO.with_name(f"{_PROTO.stem}_pb2.py")
    return texts | {messages: _with_own_pool(texts[messages])}


def main(arguments: list[str] | None = None) -> int:
    """Write the files beside the .proto, or check that they are up to date."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_core.oip.generate")
    parser.add_argument("--check", action="store_true", help="fail when a file is stale")
    return write_files(generate(), check=parser.parse_args(arguments).check, task="gen:proto")


def run_protoc(root: Path, proto: Path) -> dict[Path, str]:
    """Return the text of each file that protoc makes of a .proto, by its path beside that one.

    Parameters
    ----------
    proto : Path
        From ``root``, the folder that holds the package.

    Raises
    ------
    SentinelError
        The .proto is faulty, or protoc writes another form than this module knows. Retryable: no.
    """
    written = [f"{proto.stem}_pb2{ending}" for ending in (".py", ".pyi", "_grpc.py")]
    with tempfile.TemporaryDirectory() as folder:
        options = [f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python")]
        includes = [f"-I{root}", f"-I{files('grpc_tools') / '_proto'}"]
        if protoc.main(["protoc", *includes, *options, str(root / proto)]) != 0:
            raise SentinelError(
                f"protoc refused {proto}.", user_action="Mend what it names in the lines above."
            )
        made = Path(folder) / proto.parent
        beside = (root / proto).parent
        return {beside / name: (made / name).read_text("utf-8") for name in written}


def _with_own_pool(text: str) -> str:
    if text.count(_COMMON_POOL) != 1:
        raise SentinelError(
            f"protoc does not write {_COMMON_POOL} once, as it did.",
            user_action="Look at what it writes now and mend sentinel_core/oip/generate.py.",
        )
    return text.replace(_COMMON_POOL, _OWN_POOL)


if __name__ == "__main__":
    sys.exit(main())
