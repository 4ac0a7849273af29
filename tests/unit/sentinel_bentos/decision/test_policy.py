"""Who may do what: every route has a policy, and the policy is what happens."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from fastapi import FastAPI, Request

from sentinel_bentos.decision import problems
from sentinel_bentos.decision.app import build_routes
from sentinel_bentos.decision.auth import Caller, KeyedCallers, LocalCallers
from sentinel_bentos.decision.policy import API_PREFIX, POLICIES, PUBLIC, PolicyRoute
from sentinel_bentos.decision.rpc.handlers import RPCS
from sentinel_bentos.protocol.sentinel.v1 import decision_pb2 as pb
from tests.support.application import application, client_of
from tests.support.decision_server import wire_payment

ROLES = ("viewer", "analyst", "lead", "admin", "service")
KEYS = KeyedCallers(
    tuple((hashlib.sha256(role.encode()).digest(), Caller(role, "default", role)) for role in ROLES)
)


def test_every_route_has_a_policy():
    routes = build_routes().routes
    assert [type(route) for route in routes] == [PolicyRoute] * len(routes)
    keys = {(m, route.short_path) for route in routes for m in route.methods}
    assert keys == set(POLICIES)


def test_every_rpc_of_the_service_has_a_policy_of_a_route():
    named = {method.name for method in pb.DESCRIPTOR.services_by_name["DecisionService"].methods}
    assert {rpc.name: rpc.policy_key in POLICIES for rpc in RPCS} == dict.fromkeys(named, True)


def test_a_route_without_a_policy_is_refused_to_everybody():
    async def forgotten(_: Request) -> dict[str, str]:
        return {"secret": "told"}

    app = FastAPI(openapi_url=None)
    app.state.callers = LocalCallers()
    app.router.add_api_route("/forgotten", forgotten, route_class_override=PolicyRoute)
    problems.install(app)

    async def ask():
        async with client_of(app) as client:
            return await client.get("/forgotten")

    refused = asyncio.run(ask())
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_each_role_may_do_exactly_what_the_table_says(tmp_path):
    async def ask_all():
        found = {}
        async with application(tmp_path, KEYS) as client:
            for (method, path), policy in POLICIES.items():
                for role in ROLES:
                    url = path.format(decision_id="7", event_id="7", name="favicon.png")
                    prefix = "" if url.startswith(("/docs", "/redoc")) else API_PREFIX
                    answer = await client.request(method, prefix + url, headers={"X-API-Key": role})
                    allowed = policy is PUBLIC or role in policy
                    found[method, path, role] = (allowed, answer.status_code != 403)
        return found

    found = asyncio.run(ask_all())
    assert len(found) == len(POLICIES) * len(ROLES)
    assert {k: v for k, v in found.items() if v[0] != v[1]} == {}


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "wrong"}, {"Authorization": "Basic x"}])
def test_no_credential_or_an_unknown_one_opens_public_routes_only(tmp_path, headers):
    async def ask_all():
        async with application(tmp_path, KEYS) as client:
            return {
                (method, path): (await client.request(method, path, headers=headers)).status_code
                for method, path in POLICIES
            }

    for key, status in asyncio.run(ask_all()).items():
        assert (status == 401) == (POLICIES[key] is not PUBLIC), key


def test_a_decision_of_another_tenant_is_not_found(tmp_path):
    keys = KeyedCallers(
        tuple(
            (hashlib.sha256(t.encode()).digest(), Caller(t, t, "admin")) for t in ("mine", "other")
        )
    )

    async def ask():
        async with application(tmp_path, keys) as client:
            path, own = "/score", {"X-API-Key": "mine"}
            made = (await client.post(path, json=wire_payment("p1"), headers=own)).json()
            foreign = {"X-API-Key": "other"}
            return [
                (await client.get(f"/decisions/{made['id']}", headers=own)).status_code,
                (await client.get(f"/decisions/{made['id']}", headers=foreign)).status_code,
                (await client.post(f"/decisions/{made['id']}/replay", headers=foreign)).status_code,
                (
                    await client.post(
                        "/transactions/p1/feedback", json={"verdict": "escalated"}, headers=foreign
                    )
                ).status_code,
            ]

    assert asyncio.run(ask()) == [200, 404, 404, 404]
