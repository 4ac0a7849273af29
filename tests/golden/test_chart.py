"""What the chart makes of its values; refresh with --update-golden and review the diff."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest
import yaml

from sentinel_core.resources.status import Phase
from sentinel_operator.health import DEAF_SECONDS
from sentinel_operator.kube.errors import KubeError
from tests.setup.cache import program
from tests.setup.versions import KUBERNETES

pytestmark = pytest.mark.server

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "helm" / "sentinel"
BASE = REPOSITORY / "manifests" / "base"
GOLDEN = Path(__file__).parent / "chart"
ALERTS_PAGE = REPOSITORY / "docs" / "runbooks" / "alerts.md"
METRICS_PAGE = REPOSITORY / "docs" / "reference" / "metrics.md"
DIGEST = f"sha256:{'a' * 64}"
MONITORING = [
    "--api-versions=monitoring.coreos.com/v1/ServiceMonitor",
    "--api-versions=monitoring.coreos.com/v1/PrometheusRule",
]
HELM_ALONE = ("helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance")
"""Labels that say which release of Helm an object belongs to. The base belongs to none."""

VALUE = re.compile(r"^ *\w+: \S")

VALUES = {
    "defaults": [],
    "two-namespaces": ["--set=watchNamespaces={payments,logins}"],
    "monitored": [
        "--set=metrics.serviceMonitor.enabled=true",
        "--set=metrics.prometheusRule.enabled=true",
        "--set=metrics.serviceMonitor.labels.release=prometheus",
        *MONITORING,
    ],
    "by-digest": [
        f"--set=image.operator.digest={DIGEST}",
        f"--set=image.bento.digest={DIGEST}",
        "--set=imagePullSecrets={registry}",
    ],
    "one-replica-on-chosen-nodes": [
        "--set=replicas=1",
        "--set=podDisruptionBudget.enabled=false",
        "--set=networkPolicy.enabled=false",
        "--set=topologySpread=false",
        "--set=nodeSelector.pool=system",
        "--set=priorityClassName=system-cluster-critical",
    ],
    "crds-that-go-with-the-chart": ["--set=crds.keep=false"],
}
REFUSED = {
    "replicas=1": "Set replicas to 2, or podDisruptionBudget.enabled to false",
    "metrics.serviceMonitor.enabled=true": "Install that first",
    "metrics.prometheusRule.enabled=true": "Install that first",
    "crds.enabled=false": "kubectl apply --server-side -f manifests/crds",
    f"image.operator.tag=v1,image.operator.digest={DIGEST}": "Give one of them",
    "replicaCount=2": "replicaCount",
    "replicas=9": "replicas",
    "logLevel=LOUD": "logLevel",
    "resyncSeconds=0": "resyncSeconds",
    "image.bento.digest=latest": "digest",
    "watchNamespaces={Payments}": "watchNamespaces",
    "crds.enabled=false,crds.keep=false": "upgrade once before crds.enabled is set to false",
    "image.operator.repository=registry.example.com:5000/a/b:v1": "repository",
    "resources.request.cpu=1": "request",
    "metrics=null": "metrics",
    "podDisruptionBudget=null": "podDisruptionBudget",
    "networkPolicy=null": "networkPolicy",
    "serviceAccount=null": "serviceAccount",
}


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(program("helm")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def render(*arguments: str) -> subprocess.CompletedProcess[str]:
    return helm(
        "template", "sentinel", str(CHART), "--namespace=sentinel-system",
        f"--kube-version={KUBERNETES}", *arguments,
    )  # fmt: skip


def without_definitions(text: str) -> str:
    """Leave out the resource definitions: manifests/crds holds them."""
    documents = [d for d in text.split("\n---\n") if "kind: CustomResourceDefinition" not in d]
    return "\n---\n".join(documents)


def objects(text: str) -> dict[tuple[str, str], dict]:
    """Return the objects of a text by kind and name, without what only Helm puts on them."""
    found = {}
    for document in filter(None, yaml.safe_load_all(text)):
        for labelled in labelled_maps(document):
            for label in HELM_ALONE:
                labelled.pop(label, None)
        document["metadata"].pop("annotations", None)
        found[document["kind"], document["metadata"]["name"]] = document
    return found


def labelled_maps(value):
    """Yield every map of labels in an object: its own, its pods', and those of selectors."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("labels", "matchLabels", "selector") and isinstance(item, dict):
                yield item
            yield from labelled_maps(item)
    elif isinstance(value, list):
        for item in value:
            yield from labelled_maps(item)


@pytest.mark.parametrize("name", VALUES)
def test_the_chart_makes_these_objects(name, golden):
    done = render(*VALUES[name])
    assert done.stderr == ""
    golden(GOLDEN / f"{name}.yaml", without_definitions(done.stdout))


@pytest.mark.parametrize("values", REFUSED)
def test_contradictory_and_unknown_values_are_refused_with_what_to_do(values):
    done = render(f"--set={values}")
    assert (done.returncode, REFUSED[values] in done.stderr) == (1, True), done.stderr


def test_the_chart_passes_helms_lint():
    done = helm("lint", "--strict", f"--kube-version={KUBERNETES}", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("keep", [True, False])
def test_the_definitions_of_the_chart_are_the_generated_ones(keep):
    rendered = objects(render(f"--set=crds.keep={str(keep).lower()}").stdout)
    generated = {}
    for path in sorted((REPOSITORY / "manifests" / "crds").glob("*.yaml")):
        generated |= objects(path.read_text())
    specs = {key: one["spec"] for key, one in generated.items()}
    assert {key: rendered[key]["spec"] for key in specs} == specs


def test_every_value_has_a_comment():
    lines = (CHART / "values.yaml").read_text().splitlines()
    pairs = zip(["", *lines], lines, strict=False)
    values = [(before, line) for before, line in pairs if VALUE.match(line)]
    bare = [line for before, line in values if not before.lstrip().startswith("#")]
    assert (len(values) > 20, bare) == (True, [])


@pytest.fixture(scope="module")
def alerts():
    """Every alert by its name."""
    rules = objects(render(*VALUES["monitored"]).stdout)["PrometheusRule", "sentinel-operator"]
    return {rule["alert"]: rule for group in rules["spec"]["groups"] for rule in group["rules"]}


def test_every_alert_has_a_heading_in_the_runbook_and_leads_there(alerts):
    headings = re.findall(r"^## (\w+)$", ALERTS_PAGE.read_text(), flags=re.MULTILINE)
    assert headings == list(alerts)
    for name, rule in alerts.items():
        assert f"See {name} in docs/runbooks/alerts.md." in rule["annotations"]["description"]


def test_alerts_ask_for_metrics_that_there_are_and_for_this_operator_s_alone(alerts):
    metrics = set(re.findall(r"^\| `(\w+)`", METRICS_PAGE.read_text(), flags=re.MULTILINE))
    for rule in alerts.values():
        asked = re.findall(r"(sentinel_\w+?)(?:_bucket)?\{(.*?)\}", rule["expr"])
        assert asked
        assert len(asked) == rule["expr"].count("sentinel_operator_")
        for name, selector in asked:
            assert name in metrics
            assert 'namespace="sentinel-system"' in selector


def test_phases_and_reasons_of_alerts_are_those_of_the_code(alerts):
    expressions = " ".join(rule["expr"] for rule in alerts.values())
    phases = re.findall(r'phase=~?"([\w|]+)"', expressions)
    told = {phase for group in phases for phase in group.split("|")}
    assert told == set(get_args(Phase)) - {"Ready", "Suspended"}
    reasons = {cls.reason for cls in [KubeError, *KubeError.__subclasses__()]} | {"fault"}
    assert set(re.findall(r'reason!?="(\w+)"', expressions)) <= reasons
    section = ALERTS_PAGE.read_text().split("## SentinelReconcileFails")[1].split("\n## ")[0]
    named = set(re.findall(r"`([a-z_]+)`", section)) - {"reason"}
    assert named <= reasons
    assert len(named) > 5


def test_a_deaf_operator_is_told_of_before_its_probe_ends_it(alerts):
    threshold = float(alerts["SentinelOperatorDeaf"]["expr"].rsplit(">", 1)[1])
    assert 0 < threshold < DEAF_SECONDS


def test_the_kustomize_base_is_the_chart_with_its_default_values(golden):
    rendered = objects(render().stdout)
    own = [one for (kind, _), one in rendered.items() if kind != "CustomResourceDefinition"]
    head = "# Written by tests/golden/test_chart.py --update-golden from the chart.\n"
    golden(BASE / "operator.yaml", head + yaml.safe_dump_all(own, sort_keys=False))


def test_kustomize_builds_the_objects_of_the_chart_and_a_namespace():
    built = subprocess.run(
        [str(program("kubectl")), "kustomize", str(BASE)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert built.stderr == ""
    namespace = ("Namespace", "sentinel-system")
    assert objects(built.stdout).keys() == objects(render().stdout).keys() | {namespace}
