"""What should be for a SentinelPipeline: its release compiled, loaded everywhere, then serving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sentinel_core.errors import InvalidDocumentError, ReleaseError
from sentinel_core.release import Compiled, config_map_data, projection_files
from sentinel_core.resources.cluster_object import read_object
from sentinel_core.resources.conditions import ConditionType
from sentinel_core.resources.pipeline import SentinelPipeline, SentinelPipelineSpec
from sentinel_core.resources.status import (
    Candidate,
    Phase,
    PipelineModelStatus,
    SentinelPipelineStatus,
)
from sentinel_core.resources.status import Revision as RevisionStatus
from sentinel_operator.builders.child import Child
from sentinel_operator.builders.deployment import KEYS_FILE, Pod
from sentinel_operator.builders.revision import revision_name
from sentinel_operator.services.children import (
    find_refused,
    find_unwanted,
    is_ours,
    take_free_names,
)
from sentinel_operator.services.compilation import Compilation, compile_wanted
from sentinel_operator.services.defaults import Defaults
from sentinel_operator.services.fault import Fault, fault_of_error, find_fault, words_of
from sentinel_operator.services.plan import Name, Object, Observed, Plan
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.releases import Revision, build_revision_of, read_revisions
from sentinel_operator.services.rollout import Rollout, Step
from sentinel_operator.services.server import ServerState, build_server, judge_available
from sentinel_operator.services.standstill import plan_invalid, plan_suspended
from sentinel_operator.services.status import Earlier, Judged, Judgement, first_fault
from sentinel_operator.services.touch import plan_touches, token_of

_UNKNOWN: tuple[ConditionType, ...] = ("InputsValid", "ModelsReady", "ServerReady")
_EPHEMERAL = Judgement(
    "False",
    "EphemeralState",
    "Decisions and counts are kept in the pod and are lost with it, and there is one replica.",
)


def reconcile_pipeline(observed: Observed, defaults: Defaults) -> Plan:
    """Decide what is to be done for a SentinelPipeline."""
    earlier = Earlier.of(observed.resource, observed.now)
    metadata = observed.resource["metadata"]
    child = Child("SentinelPipeline", metadata["name"], metadata["namespace"], metadata["uid"])
    try:
        pipeline = read_object(observed.resource, SentinelPipeline)
        ours = [one for one in observed.revisions if is_ours(one, child.uid)]
        revisions = read_revisions(ours)
    except InvalidDocumentError as error:
        reason = "EphemeralState" if _asks_for_more(observed.resource["spec"]) else "SpecInvalid"
        fault = find_fault(reason, words_of(error), child.resource, error.user_action)
        return plan_invalid(observed, earlier, fault, _UNKNOWN)
    except ReleaseError as error:
        fault = fault_of_error(error, child.resource)
        return plan_invalid(observed, earlier, fault, _UNKNOWN)
    compilation = compile_wanted(pipeline, observed)
    pods = Pods.of(observed)
    reported = earlier.status.get("stable")
    known = {one.digest: one for one in revisions}
    rollout = Step(
        known=known,
        wanted=_find_wanted(compilation, known),
        pods=pods,
        resource=child.resource,
        time=earlier.time,
        history_limit=pipeline.resource.spec.revision_history_limit,
        reported=RevisionStatus.model_validate(reported) if reported else None,
    ).decide()
    if rollout.stable is None:
        plan = _plan_before_the_first(compilation, earlier, pods)
    else:
        spec = pipeline.resource.spec
        served = _Served.of(child, spec, compilation, rollout, rollout.stable, observed, defaults)
        plan = served.plan(earlier, pods)
    return plan_suspended(earlier, plan) if pipeline.resource.spec.suspend else plan


def _find_wanted(compilation: Compilation, known: Mapping[str, Revision]) -> Compiled | None:
    """Return what is to take over.

    What pods load already is theirs to judge: that a model's server is not heard for a moment takes no
    candidate back.
    """
    compiled = compilation.compiled
    before = known.get(compiled.release.digest) if compiled else None
    loading = before is not None and before.role == "candidate"
    return compiled if loading else compilation.wanted


def _asks_for_more(spec: dict[str, Any]) -> bool:
    """Tell whether a spec that cannot be read asks for more than the one replica there can be."""
    server = spec.get("server") or {}
    return server.get("replicas", 1) != 1 or "autoscaling" in server


def _plan_before_the_first(compilation: Compilation, earlier: Earlier, pods: Pods) -> Plan:
    """Say what is missing. What is there is left: somebody may have taken the revisions away."""
    fault = compilation.fault
    assert fault is not None  # else there would be a first one
    ready = Judgement.of_fault(fault)
    waits = "WaitingForModels" if compilation.waits_for_models else "WaitingForInputs"
    status = SentinelPipelineStatus(
        observed_generation=earlier.generation,
        phase="Pending" if compilation.waits_for_models else "Degraded",
        conditions=earlier.conditions(
            {
                **_judge_release(compilation),
                "ServerReady": Judgement("False", waits, "There is no release to serve yet."),
                "Durable": _EPHEMERAL,
                "Available": judge_available(pods, None),
                "Ready": ready,
            }
        ),
        served=pods.served,
        last_failure=earlier.failure(fault),
    )
    return Plan(status=status.dump(), notices=earlier.notices(ready))


@dataclass(frozen=True, slots=True)
class _Served:
    """A pipeline with a release to serve.

    Attributes
    ----------
    data : what pods are told
    too_large : why the candidate is not among that
    """

    child: Child
    spec: SentinelPipelineSpec
    compilation: Compilation
    rollout: Rollout
    stable: Revision
    data: dict[str, str]
    too_large: Fault | None
    observed: Observed
    defaults: Defaults

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - all that a plan is made of
        cls,
        child: Child,
        spec: SentinelPipelineSpec,
        compilation: Compilation,
        rollout: Rollout,
        stable: Revision,
        observed: Observed,
        defaults: Defaults,
    ) -> _Served:
        """Put it together; a candidate that does not fit beside the stable release is left out."""
        data, too_large = _project(child, stable, rollout.candidate)
        if too_large is not None:
            rollout = replace(rollout, candidate=None)
        return cls(
            child, spec, compilation, rollout, stable, data, too_large, observed, defaults
        )  # fmt: skip

    def plan(self, earlier: Earlier, pods: Pods) -> Plan:
        """Put the plan together."""
        state = ServerState.of(self.child, self.observed, pods, self._pod())
        objects, names_fault = self._objects(state)
        fault = self._find_fault(names_fault, state, pods)
        candidate = self.rollout.candidate.digest if self.rollout.candidate else None
        waiting = pods.unconfirmed(stable=self.stable.digest, candidate=candidate)
        touches, due = plan_touches(waiting, token_of(self.data), self.observed.now)
        is_told = bool(touches or due or pods.unasked)
        ready = self._judge_ready(fault, state, is_told=is_told)
        return Plan(
            status=self._status(earlier, fault, ready, state).dump(),
            apply=objects,
            delete=(*find_unwanted(self.observed, objects), *self._forgotten()),
            scale=state.scale,
            touch=touches,
            notices=earlier.notices(ready),
            ask_pods=bool(waiting),
            again_after_seconds=due,
        )

    def _pod(self) -> Pod:
        spec = self.spec
        keys = spec.auth.api_keys_secret_ref
        # Of models that are called too: their artifacts tell what to ask and how to explain it.
        stores = {
            one.store for release in self.rollout.releases for one in release.models if one.store
        }
        return Pod(
            mode="decision",
            server=spec.server,
            image=spec.server.image or self.defaults.bento_image,
            pull_policy=self.defaults.image_pull_policy,
            stores=tuple(sorted(stores)),
            api_keys_secret=keys.name if keys else None,
            env={"SENTINEL_API_KEYS_FILE": KEYS_FILE},
            # One process counts and writes; two at a time would each know a part.
            recreate=True,
        )

    def _objects(self, state: ServerState) -> tuple[tuple[Object, ...], Fault | None]:
        """Build everything; revisions first, since what pods are told must be kept."""
        called = {
            one.model
            for release in self.rollout.releases
            for one in release.models
            if one.placement == "Remote"
        }
        wanted = [
            *(build_revision_of(self.child, one) for one in self.rollout.kept),
            *build_server(
                self.child,
                state.pod,
                data=self.data,
                defaults=self.defaults,
                apis=self.observed.apis,
                model_servers=tuple(sorted(called)),
            ),
        ]
        return take_free_names(self.observed, wanted, self.observed.revisions)

    def _forgotten(self) -> tuple[Name, ...]:
        names = [revision_name(self.child, one.digest) for one in self.rollout.forgotten]
        return tuple(("ControllerRevision", name) for name in names)

    def _find_fault(self, names: Fault | None, state: ServerState, pods: Pods) -> Fault | None:
        return first_fault(
            [
                self.compilation.fault,
                self.too_large,
                names,
                find_refused(self.observed),
                self.rollout.fault,
                state.find_fault(),
                self._find_refusal(pods),
                pods.find_silent(self.child.resource),
            ]
        )

    def _find_refusal(self, pods: Pods) -> Fault | None:
        """Return why a pod does not serve the stable release, as it says itself."""
        for name, report in pods.refusals():
            if report.stable != self.stable.digest:
                return report.find_fault(name, self.child.resource)
        return None

    def _judge_ready(self, fault: Fault | None, state: ServerState, *, is_told: bool) -> Judgement:
        if fault is not None:
            return Judgement.of_fault(fault)
        if self.rollout.candidate is not None:
            message = f"Pods load {self.rollout.candidate.digest} beside the release that serves."
            return Judgement("False", "Progressing", message)
        return state.judge_serving(self.stable.digest, is_told=is_told)

    def _status(
        self, earlier: Earlier, fault: Fault | None, ready: Judgement, state: ServerState
    ) -> SentinelPipelineStatus:
        stable, compiled = self.stable, self.compilation.compiled
        declared = compiled.release.digest if compiled else None
        return SentinelPipelineStatus(
            observed_generation=earlier.generation,
            phase=_phase(ready, self.compilation, fault),
            conditions=earlier.conditions(
                {
                    **_judge_release(self.compilation),
                    "ServerReady": state.judge(),
                    "Durable": _EPHEMERAL,
                    "Available": judge_available(state.pods, declared),
                    "Ready": ready,
                }
            ),
            served=state.pods.served,
            last_failure=earlier.failure(fault),
            url=state.url,
            grpc_url=state.grpc_url,
            replicas=state.replicas_there,
            selector=state.selector,
            stable=RevisionStatus(digest=stable.digest, revision=stable.number, since=stable.since),
            candidate=_candidate_status(self.rollout.candidate),
            models=tuple(
                PipelineModelStatus(name=one.name, digest=one.digest)
                for one in stable.release.models
            ),
        )


def _project(
    child: Child, stable: Revision, candidate: Revision | None
) -> tuple[dict[str, str], Fault | None]:
    """Return what pods are told, and why the candidate is not among it."""
    alone = projection_files(stable.release, None, 0.0, stable.lists)
    if candidate is None:
        return config_map_data(alone), None
    lists = {**stable.lists, **candidate.lists}
    try:
        both = projection_files(stable.release, candidate.release, 0.0, lists)
        return config_map_data(both), None
    except ReleaseError as error:
        return config_map_data(alone), fault_of_error(error, child.resource)


def _candidate_status(candidate: Revision | None) -> Candidate | None:
    if candidate is None:
        return None
    return Candidate(
        digest=candidate.digest, revision=candidate.number, percent=0.0, confirmed_percent=0.0
    )


def _judge_release(compilation: Compilation) -> Judged:
    """Judge InputsValid and ModelsReady."""
    fault = compilation.fault
    if fault is None:
        return {
            "InputsValid": Judgement("True", "Compiled", "All inputs compile into a release."),
            "ModelsReady": Judgement("True", "ModelsProven", "All models are proven."),
        }
    waiting = "It is known once the other can be judged."
    if compilation.waits_for_models:
        return {
            "InputsValid": Judgement("Unknown", "WaitingForModels", waiting),
            "ModelsReady": Judgement.of_fault(fault),
        }
    return {
        "InputsValid": Judgement.of_fault(fault),
        "ModelsReady": Judgement("Unknown", "WaitingForInputs", waiting),
    }


def _phase(ready: Judgement, compilation: Compilation, fault: Fault | None) -> Phase:
    if ready.status == "True":
        return "Ready"
    waits = fault is None or (fault == compilation.fault and fault.reason == "ModelNotReady")
    return "Progressing" if waits else "Degraded"
