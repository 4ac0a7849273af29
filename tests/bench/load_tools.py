"""Load from wrk (HTTP) and h2load (gRPC): programs that cost little beside the server they drive.

Closed loop: every connection has one request under way. Debian has them in the packages ``wrk`` and
``nghttp2-client``.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from sentinel_core.errors import ConfigurationError
from tests.bench.timing import percentiles_us

_WRK_SCRIPT = """
local file = io.open("{body}", "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "application/json"
file:close()
function done(summary, latency)
  local e = summary.errors
  print(string.format('{{"per_second": %.1f, "p50_us": %.1f, "p99_us": %.1f, "errors": %d}}',
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def require_tools() -> None:
    """Raise `ConfigurationError` where one of the two programs is missing."""
    missing = [name for name in ("wrk", "h2load") if shutil.which(name) is None]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} is not installed.",
            user_action="On Debian: apt-get install wrk nghttp2-client",
        )


def post_repeatedly(
    url: str, body: bytes, connections: int, seconds: int, timeout_seconds: int = 2
) -> dict[str, Any]:
    """POST one body again and again with wrk.

    A request without an answer after ``timeout_seconds`` is an error; 2 is what wrk has by itself.
    """
    with tempfile.TemporaryDirectory() as folder:
        sent, script = Path(folder) / "body", Path(folder) / "post.lua"
        sent.write_bytes(body)
        script.write_text(_WRK_SCRIPT.format(body=sent))
        command = [
            "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={timeout_seconds}s",
            "-s", str(script), url,
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def call_repeatedly(
    port: int, method: str, message: bytes, connections: int, seconds: int
) -> dict[str, Any]:
    """Call one method with one message again and again with h2load.

    It knows nothing of gRPC: a call that is refused has the HTTP status 200, and is not among the
    errors. Whoever calls this has to count the calls at the server.
    """
    with tempfile.TemporaryDirectory() as folder:
        sent, log = Path(folder) / "body", Path(folder) / "log"
        sent.write_bytes(struct.pack(">BI", 0, len(message)) + message)
        command = [
            "h2load", f"-c{connections}", "-m1", f"-D{seconds}", f"--data={sent}",
            "-Hcontent-type: application/grpc", "-Hte: trailers", f"--log-file={log}",
            f"http://127.0.0.1:{port}{method}",
        ]  # fmt: skip
        subprocess.run(command, capture_output=True, text=True, check=True)
        rows = [line.split() for line in log.read_text().splitlines()]
    return {
        "per_second": round(len(rows) / seconds, 1),
        **percentiles_us([int(row[2]) * 1000 for row in rows]),
        "errors": sum(row[1] != "200" for row in rows),
    }
