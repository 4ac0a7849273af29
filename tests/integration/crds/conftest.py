"""An API server that knows both kinds of resource."""

import json

import pytest

from tests.support.decision_server import wait_until
from tests.support.resource_definitions import DEFINITIONS, ResourceApi


@pytest.fixture(scope="session")
def api(control_plane):
    kubectl = control_plane.kubectl
    kubectl("apply", "--server-side", f"--filename={DEFINITIONS}")
    kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")

    def told():
        # Discovery and OpenAPI follow the definitions a moment later.
        paths = json.loads(kubectl("get", "--raw", "/openapi/v3"))["paths"]
        names = kubectl("api-resources", "--api-group=sentinel.dev", "--output=name").split()
        return "apis/sentinel.dev/v1alpha1" in paths and len(names) == 2

    wait_until(told, "both kinds in discovery")
    return control_plane


@pytest.fixture(scope="session")
def resources(api):
    return ResourceApi(api.client(), api.namespace("resources"))
