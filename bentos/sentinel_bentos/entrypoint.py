"""``sentinel-bento``: what the image of the Bentos starts.

One image holds both Bentos; the argument says which of them a pod serves. The server takes the place
of this process, so that signals and exit codes are the server's own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sentinel_core.cli.main import main as run_command

ADMIN_PORT = 3002
BENTOS = Path("/bento")
"""Where the image keeps its Bentos, each in a folder of its name."""
EXIT_USAGE = 2

_USAGE = """\
usage: sentinel-bento NAME | prove OPTIONS

  NAME    serve this Bento: {names}
  prove   check a model artifact as a server would, then end: sentinel model prove
"""


def main() -> None:
    """Serve the Bento that the arguments name, or prove an artifact."""
    bentos = Path(os.environ.get("SENTINEL_BENTOS_DIR", BENTOS))
    names = sorted(path.parent.name for path in bentos.glob("*/bento.yaml"))
    arguments = sys.argv[1:]
    if arguments[:1] == ["prove"]:
        sys.argv = ["sentinel", "model", *arguments]
        run_command()
    elif len(arguments) == 1 and arguments[0] in names:
        command = serve_command(bentos / arguments[0])
        # Our own interpreter, and arguments that we made.
        os.execv(command[0], command)  # noqa: S606  # nosec B606
    else:
        sys.stderr.write(_USAGE.format(names=", ".join(names) or f"none in {bentos}"))
        sys.exit(EXIT_USAGE)


def serve_command(bento: Path) -> list[str]:
    """Return what serves a built Bento: its own port takes probes from every address."""
    everywhere = "0.0.0.0"  # noqa: S104  # nosec B104 - kubelets ask at the pod's own address
    address = ["--host", everywhere, "--port", str(ADMIN_PORT)]
    return [sys.executable, "-m", "bentoml", "serve", str(bento), *address]


if __name__ == "__main__":
    main()
