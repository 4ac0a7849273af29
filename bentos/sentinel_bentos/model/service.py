"""The Bento. The only file here that imports bentoml."""

# BentoML sets this for servers with several workers; prometheus_client would then keep every number in
# a file. One worker keeps them in memory. It is read on import, so it is taken away before.
import os

os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

import bentoml
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse

from sentinel_bentos.model.admin import build_admin_app
from sentinel_bentos.model.predict import Prediction, Predictor
from sentinel_bentos.model.server import ModelServer
from sentinel_bentos.model.serving import ModelServing
from sentinel_bentos.model.statuses import status_of, text_of
from sentinel_core.errors import SentinelError
from sentinel_core.telemetry import ModelServerMetrics

HTTP_PORT = 3000
GRPC_PORT = 3001
ADMIN_PORT = 3002

serving = ModelServing(ModelServerMetrics(CollectorRegistry()))


@bentoml.service(
    name="sentinel_model",
    # Pods scale, not processes in them: each would hold the model again.
    workers=1,
    http={"port": ADMIN_PORT},
    extra_ports=[HTTP_PORT, GRPC_PORT],
    # The timer that BentoML sets for each request stays for this long (ADR-0007).
    traffic={"timeout": 1},
    # Its own metrics take the raw path as a label, which anyone can grow without bound.
    metrics={"enabled": False},
    logging={"access": {"enabled": False}},
    tracing={"excluded_urls": ".*"},
)
@bentoml.asgi_app(build_admin_app(serving), path="/")
class ModelService:
    """Serves one SentinelModel."""

    def __init__(self) -> None:
        self.server = ModelServer(serving)
        self.predictor = Predictor(serving)

    @bentoml.api(route="/predict")
    async def predict(self, features: dict[str, float | None], version: str = "") -> Prediction:
        """Score one row, given by the names of its features; null where a value is missing."""
        try:
            return self.predictor.predict(features, version)
        except SentinelError as error:
            # BentoML would log a trace for each of its own exceptions, and hide what a 503 says. It
            # sends a response as it is.
            return JSONResponse(  # type: ignore[return-value]  # as said above
                {"error": text_of(error)}, status_of(error).http
            )

    @bentoml.on_startup
    async def start(self) -> None:
        """Open the public ports and begin to load."""
        await self.server.start()

    @bentoml.on_shutdown
    async def stop(self) -> None:
        """Finish what is under way."""
        await self.server.stop()

    async def __is_ready__(self) -> bool:
        """Answer the readiness probe of the Bento."""
        return self.server.ready
