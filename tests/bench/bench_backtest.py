"""Send the whole stream through the code that decides it live: ``sentinel backtest``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from tests.bench.card_payments import CardPayments
from tests.bench.processes import run_watched
from tests.bench.record import Limit, Measured

LIMIT_SECONDS = 600.0


def measure() -> Measured:
    """Run the command once, as a user would."""
    with tempfile.TemporaryDirectory() as parent:
        payments = CardPayments.prepare(Path(parent))
        files = payments.study.files
        done = run_watched([
            sys.executable, "-m", "sentinel_core.cli", "backtest", str(files.events),
            "--labels", str(files.labels), "-f", str(payments.manifests), "--json",
        ])  # fmt: skip
    result = json.loads(done.output)
    count = result["events"]
    return Measured(
        {
            "events": count,
            "seconds": round(done.seconds, 1),
            "deciding_seconds": round(result["seconds"], 1),
            "events_per_second": round(count / result["seconds"]),
            "cpu_us_per_event": round(done.cpu_seconds / count * 1e6, 1),
            "peak_rss_mib": round(done.peak_rss_mib),
            "outcomes": result["outcomes"],
            "precision": result["precision"],
            "recall": result["recall"],
        },
        limits={"seconds": Limit(round(done.seconds, 1), LIMIT_SECONDS)},
        ratios={"seconds_over_limit": done.seconds / LIMIT_SECONDS},
    )
