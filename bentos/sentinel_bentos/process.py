"""``bentoml serve`` as a child process."""

from __future__ import annotations

import ipaddress
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sentinel_bentos.build import Bento, bento_environment

STOP_SECONDS = 20
"""Until a server that was told to stop is killed; unless it is told otherwise it gives
itself 10 to answer what is under way."""
LAST_LINES = 20


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a server listens: the public port, and the Bento's own."""

    host: str
    port: int
    admin_port: int

    @property
    def url(self) -> str:
        """Base of the public server's URLs."""
        return f"http://{self._netloc}:{self.port}"

    @property
    def admin_url(self) -> str:
        """Base of the Bento's own server's URLs."""
        return f"http://{self._netloc}:{self.admin_port}"

    @property
    def _netloc(self) -> str:
        address = ipaddress.ip_address(self.host)
        if address.is_unspecified:  # listens on all addresses, this machine's own among them
            return "127.0.0.1"
        return f"[{address}]" if address.version == 6 else str(address)


class ServeProcess:
    """A Bento that is being served.

    Parameters
    ----------
    settings : mapping
        ``SENTINEL_*`` variables of the server. It ends with this process, however that ends.
    log : Path
        Takes everything that the server writes; begun anew at each start.
    """

    def __init__(
        self, bento: Bento, home: Path, addresses: Addresses, settings: Mapping[str, str], log: Path
    ) -> None:
        self._log = log
        command = [
            sys.executable, "-m", "bentoml", "serve", bento.tag,
            "--host", addresses.host, "--port", str(addresses.admin_port),
        ]  # fmt: skip
        supervisor = {"SENTINEL_SUPERVISOR_PID": str(os.getpid())}
        with log.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                command,
                cwd=home,
                env=bento_environment(home) | dict(settings) | supervisor,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C goes to a whole group at once; the server is told to stop by us alone.
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """Return the code that the server ended with, or None while it runs."""
        return self._process.poll()

    def last_lines(self) -> list[str]:
        """Return the last lines that the server wrote."""
        return self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]

    def stop(self) -> None:
        """Have the server finish what is under way and end; kill it when it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()  # its worker notices and ends by itself
                self._process.wait()
