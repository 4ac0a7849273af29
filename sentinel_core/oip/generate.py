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

_PROTO = Path("sentinel_core/oip/open_inference.proto")
"""From the folder that holds the package: protoc makes the names of imports of it."""
_ROOT = Path(__file__).parents[2]
_WRITTEN = ("open_inference_pb2.py", "open_inference_pb2.pyi", "open_inference_pb2_grpc.py")
_COMMON_POOL, _OWN_POOL = "_descriptor_pool.Default()", "_descriptor_pool.DescriptorPool()"


def generate() -> dict[str, str]:
    """Return the text of each generated file by its name.

    Raises
    ------
    SentinelError
        The .proto is faulty, or protoc writes another form than this module knows. Retryable: no.
    """
    with tempfile.TemporaryDirectory() as folder:
        _run_protoc(folder)
        written = Path(folder) / _PROTO.parent
        texts = {name: (written / name).read_text("utf-8") for name in _WRITTEN}
    texts[_WRITTEN[0]] = _with_own_pool(texts[_WRITTEN[0]])
    return texts


def main(arguments: list[str] | None = None) -> int:
    """Write the files beside the .proto, or check that they are up to date."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_core.oip.generate")
    parser.add_argument("--check", action="store_true", help="fail when a file is stale")
    check = parser.parse_args(arguments).check
    stale = False
    for name, text in generate().items():
        file = Path(__file__).parent / name
        if not check:
            file.write_text(text, encoding="utf-8")
        elif not file.is_file() or file.read_text("utf-8") != text:
            stale = True
            sys.stderr.write(f"{file.name} is stale. Write it anew: ./task gen:proto\n")
    return int(stale)


def _run_protoc(folder: str) -> None:
    options = [f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python")]
    includes = [f"-I{_ROOT}", f"-I{files('grpc_tools') / '_proto'}"]
    if protoc.main(["protoc", *includes, *options, str(_ROOT / _PROTO)]) != 0:
        raise SentinelError(
            f"protoc refused {_PROTO}.", user_action="Mend what it names in the lines above."
        )


def _with_own_pool(text: str) -> str:
    if text.count(_COMMON_POOL) != 1:
        raise SentinelError(
            f"protoc does not write {_COMMON_POOL} once, as it did.",
            user_action="Look at what it writes now and mend sentinel_core/oip/generate.py.",
        )
    return text.replace(_COMMON_POOL, _OWN_POOL)


if __name__ == "__main__":
    sys.exit(main())
