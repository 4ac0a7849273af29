"""The artifact of the sample model: trained once on this machine, then found."""

from __future__ import annotations

import sys
from pathlib import Path

from sentinel_core.cli.progress import progress_bar
from sentinel_pipelines.handbook.cache import default_cache_dir, load_or_generate
from sentinel_pipelines.handbook.protocol import TEST_FOLDS
from sentinel_pipelines.handbook.recipe import CARD_FRAUD
from sentinel_pipelines.tasks.folds import PUBLIC_KEY, Folds
from sentinel_pipelines.tasks.manifests import load_pipeline_spec
from sentinel_pipelines.tasks.study import load_study
from tests.cluster.build_load.images import ROOT
from tests.cluster.harness.commands import run

SAMPLE = ROOT / "manifests" / "samples" / "card-payments"
RESAMPLES = 20
"""As in the training flow, whose artifact this is."""


def sample_artifact() -> Path:
    """Return the folder of the signed artifact that ``sentinel train handbook`` makes.

    Stream, features, model and artifact are kept under the digests of what they were made from; the
    first time takes two minutes on two cores, later ones some seconds.
    """
    cache = default_cache_dir()
    with progress_bar("Payments of customers") as advance:
        files = load_or_generate(cache, advance)
    with progress_bar("Features") as advance:
        study = load_study(files, load_pipeline_spec(SAMPLE), cache, advance)
    of = Folds(study, CARD_FRAUD, cache)
    return of.package(of.evaluate(TEST_FOLDS[0], resamples=RESAMPLES))


def public_key() -> str:
    """Return the public half of the key that this machine signs artifacts with, as PEM."""
    return (default_cache_dir() / "keys" / PUBLIC_KEY).read_text()


def propose(artifact: Path, manifests: Path, prefix: str, store: Path, store_secret: str) -> None:
    """Upload an artifact and write where it is into manifests, by ``sentinel propose``.

    Raises
    ------
    HarnessError
        It was refused; with what the command said.
    """
    command = [sys.executable, "-m", "sentinel_core.cli", "propose", artifact, "-f", manifests]
    command += ["--to", prefix, "--store", store, "--store-secret", store_secret]
    said = run(command, user_action="Mend what it says, then run ./task k8s:build-load again.")
    print(said.rstrip().replace(f"{ROOT}/", ""))
