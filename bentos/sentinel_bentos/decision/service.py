"""The Bento. The only file that imports bentoml."""

# BentoML sets this for servers with several workers; prometheus_client would then keep every number in
# a file. One worker keeps them in memory. It is read on import, so it is taken away before.
import os

os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

import bentoml
from prometheus_client import CollectorRegistry

from sentinel_bentos.decision.admin import build_admin_app
from sentinel_bentos.decision.server import DecisionServer
from sentinel_bentos.decision.serving import Serving
from sentinel_core.telemetry import DecisionMetrics

PUBLIC_PORT = 3000
GRPC_PORT = 3001
ADMIN_PORT = 3002

serving = Serving(DecisionMetrics(CollectorRegistry()))


@bentoml.service(
    name="sentinel_decision",
    # Velocity is kept in this process and the record has one writer.
    workers=1,
    http={"port": ADMIN_PORT},
    extra_ports=[PUBLIC_PORT, GRPC_PORT],
    # The timer that BentoML sets for each request stays for this long (ADR-0007).
    traffic={"timeout": 1},
    # Its own metrics take the raw path as a label, which anyone can grow without bound.
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(build_admin_app(serving), path="/")
class DecisionService:
    """Serves one SentinelPipeline."""

    def __init__(self) -> None:
        self.server = DecisionServer(serving)

    @bentoml.on_startup
    async def start(self) -> None:
        """Open the public port and begin to load."""
        await self.server.start()

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Finish what is under way."""
        await self.server.stop()

    async def __is_ready__(self) -> bool:
        """Answer the readiness probe of the Bento."""
        return self.server.ready
