"""Builds programs from their Go modules into the cache: what Debian does not have.

A program is up to date when the module and version that Go wrote into it are those asked for, so
there is no stamp file that could say something else than the program.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.setup import versions
from tests.setup.cache import binary_path
from tests.setup.errors import HarnessError

_KUBERNETES_PROGRAMS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
)
_INSTALL_GO = f"Install Go {'.'.join(map(str, versions.GO_MINIMUM))} or newer and put it on PATH."


@dataclass(frozen=True, slots=True)
class GoModule:
    """A module and the programs to build from it.

    Attributes
    ----------
    packages : program name to the package of its main function
    variables : what ``-X`` of the linker sets
    static : without the C library, so that the program can be the only file of an image
    """

    path: str
    version: str
    packages: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    static: bool = False


def _kubernetes() -> GoModule:
    version = "k8s.io/component-base/version"
    major, minor, _ = versions.KUBERNETES.split(".")
    return GoModule(
        "k8s.io/kubernetes",
        versions.KUBERNETES,
        {name: f"k8s.io/kubernetes/cmd/{name}" for name in _KUBERNETES_PROGRAMS},
        {
            f"{version}.gitVersion": f"v{versions.KUBERNETES}",
            f"{version}.gitMajor": major,
            f"{version}.gitMinor": minor,
        },
    )


_METRICS_SERVER = "sigs.k8s.io/metrics-server"
_VERSITYGW = "github.com/versity/versitygw"
MODULES = (
    _kubernetes(),
    GoModule(
        "github.com/coredns/coredns",
        versions.COREDNS,
        {"coredns": "github.com/coredns/coredns"},
    ),
    GoModule(
        _METRICS_SERVER,
        versions.METRICS_SERVER,
        {"metrics-server": f"{_METRICS_SERVER}/cmd/metrics-server"},
        static=True,
    ),
    GoModule("helm.sh/helm/v3", versions.HELM, {"helm": "helm.sh/helm/v3/cmd/helm"}),
    GoModule(
        _VERSITYGW,
        versions.VERSITYGW,
        {"versitygw": f"{_VERSITYGW}/cmd/versitygw"},
        static=True,
    ),
)
KIND = GoModule("sigs.k8s.io/kind", versions.KIND, {"kind": "sigs.k8s.io/kind"})
"""Built only where a Docker engine answers."""


def stale_programs(module: GoModule) -> list[str]:
    """Return the programs of a module that are missing or were built from something else."""
    return [name for name in module.packages if not _is_current(module, binary_path(name))]


def _is_current(module: GoModule, program: Path) -> bool:
    if not program.is_file():
        return False
    if shutil.which("go") is None:
        # Nothing here can read it, and nothing here could build another.
        return True
    said = _go(["version", "-m", str(program)], Path.cwd())
    built_from = re.search(
        rf"^\tmod\t{re.escape(module.path)}\tv{module.version}\b", said, re.MULTILINE
    )
    return built_from is not None and (not module.static or "CGO_ENABLED=0" in said)


def build(module: GoModule) -> None:
    """Build what is stale of a module, and say what and how long.

    Each program is written beside its place and moved there, so that an interrupted build leaves
    nothing half done.

    Raises
    ------
    HarnessError
        There is no Go, it is too old, or it failed. Retryable once the module proxy answers.
    """
    stale = stale_programs(module)
    if not stale:
        print(f"{', '.join(module.packages)}: {module.version} is built", flush=True)
        return
    check_go()
    with tempfile.TemporaryDirectory(prefix="sentinel-build-") as folder:
        print(f"{module.path} {module.version}: fetching", flush=True)
        _write_main_module(module, Path(folder))
        for name in stale:
            _build_program(module, name, Path(folder))


def _build_program(module: GoModule, name: str, folder: Path) -> None:
    started = time.monotonic()
    target = binary_path(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.new")
    linked = " ".join(
        ["-s", "-w", *(f"-X {key}={value}" for key, value in module.variables.items())]
    )
    command = ["build", "-trimpath", "-ldflags", linked, "-o", str(unfinished)]
    print(f"{name} {module.version}: building", flush=True)
    _go([*command, module.packages[name]], folder, {"CGO_ENABLED": "0"} if module.static else {})
    unfinished.replace(target)
    size_mib = target.stat().st_size / 2**20
    seconds = time.monotonic() - started
    print(f"{name} {module.version}: built in {seconds:.0f} s, {size_mib:.0f} MiB", flush=True)


def _write_main_module(module: GoModule, folder: Path) -> None:
    """Write a module that depends on the one wanted; ``go install`` refuses modules that replace."""
    name = module.path.rsplit("/", 1)[-1]
    replaced = [f"replace {path} => {path} {version}" for path, version in _staging(module, folder)]
    head = [
        f"module sentinel.dev/tools/{name}",
        "go 1.24",
        f"require {module.path} v{module.version}",
    ]
    (folder / "go.mod").write_text("\n".join([*head, *replaced, ""]))
    imports = "\n".join(f'import _ "{package}"' for package in module.packages.values())
    (folder / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\n{imports}\n")
    _go(["mod", "tidy"], folder)


def _staging(module: GoModule, folder: Path) -> list[tuple[str, str]]:
    """Return the modules that this one replaces by folders of its own, with published versions.

    Kubernetes develops k8s.io/api and some thirty others inside its own repository and publishes each
    under 0.MINOR.PATCH. A dependent does not inherit ``replace`` and must name them.
    """
    wanted = f"{module.path}@v{module.version}"
    fetched = json.loads(_go(["mod", "download", "-json", wanted], folder))
    edited = json.loads(_go(["mod", "edit", "-json", fetched["GoMod"]], folder))
    published = "v0." + module.version.split(".", 1)[1]
    return [
        (replaced["Old"]["Path"], published)
        for replaced in edited.get("Replace") or []
        if replaced["New"]["Path"].startswith("./staging/")
    ]


def check_go() -> None:
    """Refuse to begin without a Go that is new enough."""
    if shutil.which("go") is None:
        raise HarnessError("There is no Go on this machine.", user_action=_INSTALL_GO)
    version = _go(["env", "GOVERSION"], Path.cwd()).strip()
    found = re.match(r"go(\d+)\.(\d+)", version)
    if found and (int(found[1]), int(found[2])) < versions.GO_MINIMUM:
        raise HarnessError(f"Go here is {version}, which is too old.", user_action=_INSTALL_GO)


def _go(arguments: list[str], folder: Path, variables: Mapping[str, str] | None = None) -> str:
    environment = os.environ | dict(variables or {})
    ran = subprocess.run(
        ["go", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        last_lines = "\n".join(ran.stderr.splitlines()[-20:])
        raise HarnessError(
            f"go {' '.join(arguments[:2])} failed:\n{last_lines}",
            user_action="Mend what Go says above (is a module proxy reachable?) and try again.",
        )
    return ran.stdout
