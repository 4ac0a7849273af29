"""What should be for a SentinelPipeline: its release compiled, loaded everywhere, then serving."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sentinel_core.errors import InvalidDocumentError, ReleaseError
from sentinel_core.release import Release, config_map_data, projection_files
from sentinel_core.resources.cluster_object import read_object
from sentinel_core.resources.conditions import ConditionType
from sentinel_core.resources.manifest import Declared
from sentinel_core.resources.pipeline import SentinelPipeline
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
from sentinel_operator.services.fault import Fault, fault_of_error, find_fault
from sentinel_operator.services.plan import Name, Observed, Plan, Touch
from sentinel_operator.services.pods import Pods
from sentinel_operator.services.releases import Revision, build_revision_of, read_revisions
from sentinel_operator.services.rollout import Rollout, roll_out
from sentinel_operator.services.server import ServerState, build_server, judge_available
from sentinel_operator.services.status import Earlier, Judgement, first_fault
from sentinel_operator.services.suspension import plan_invalid, plan_suspended
from sentinel_operator.services.touch import plan_touches, soonest, token_of

_UNKNOWN: tuple[ConditionType, ...] = ("InputsValid", "ModelsReady", "ServerReady")


def reconcile_pipeline(observed: Observed, defaults: Defaults) -> Plan:
    """Decide what is to be done for a SentinelPipeline."""
    earlier = Earlier.of(observed.resource, observed.now)
    name = observed.resource["metadata"]["name"]
    try:
        declared = read_object(observed.resource, SentinelPipeline)
    except InvalidDocumentError as error:
        fault = replace(fault_of_error(error, name), location="spec", reason="SpecInvalid")
        return plan_invalid(earlier, fault, _UNKNOWN)
    if declared.resource.spec.suspend:
        return plan_suspended(earlier)
    return _Round(observed, defaults, earlier, declared).plan()


@dataclass(frozen=True, slots=True)
class _Round:
    """One look at a pipeline that can be read and is not suspended."""

    observed: Observed
    defaults: Defaults
    earlier: Earlier
    declared: Declared[SentinelPipeline]

    def plan(self) -> Plan:
        """Put the plan together."""
        ours = [one for one in self.observed.revisions if is_ours(one, self.child.uid)]
        try:
            revisions = read_revisions(ours)
        except ReleaseError as error:
            return plan_invalid(self.earlier, fault_of_error(error, self.child.resource), _UNKNOWN)
        compilation = compile_wanted(self.declared, self.observed)
        pods = Pods.of(self.observed)
        rollout = roll_out(
            revisions, compilation.wanted, pods, self.child.resource, self.earlier.time
        )
        if rollout.stable is None:
            return self._plan_before_the_first(compilation)
        return self._plan_with_server(compilation, rollout, rollout.stable, pods)

    @property
    def child(self) -> Child:
        """Names and labels of the pipeline's objects."""
        metadata = self.observed.resource["metadata"]
        return Child("SentinelPipeline", metadata["name"], metadata["namespace"], metadata["uid"])

    # Before there is a release

    def _plan_before_the_first(self, compilation: Compilation) -> Plan:
        fault = compilation.fault
        assert fault is not None  # else there would be a first one
        ready = Judgement.of_fault(fault)
        waits = "WaitingForModels" if compilation.waits_for_models else "WaitingForInputs"
        status = SentinelPipelineStatus(
            observed_generation=self.earlier.generation,
            phase="Pending" if compilation.waits_for_models else "Degraded",
            conditions=self.earlier.conditions(
                {
                    **_judge_release(compilation),
                    "ServerReady": Judgement("False", waits, "There is no release to serve yet."),
                    "Durable": _EPHEMERAL,
                    "Available": Judgement("False", "NothingServed", "Nothing was served yet."),
                    "Ready": ready,
                }
            ),
            last_failure=self.earlier.failure(fault),
        )
        return Plan(
            status=status.dump(),
            delete=find_unwanted(self.observed, ()),
            notices=self.earlier.notices(ready),
        )

    # With one

    def _plan_with_server(
        self, compilation: Compilation, rollout: Rollout, stable: Revision, pods: Pods
    ) -> Plan:
        data, too_large = self._projection(stable, rollout.candidate)
        if too_large is not None:
            rollout = replace(rollout, candidate=None)
        pod = self._pod(rollout, stable)
        state = ServerState.of(self.child, self.observed, pods, pod)
        objects, fault_of_names = self._objects(rollout, pod, data)
        fault = first_fault(
            [
                self._find_more_replicas(),
                compilation.fault,
                too_large,
                fault_of_names,
                find_refused(self.observed),
                rollout.fault,
                state.find_fault(),
                self._find_refusal(stable, pods),
            ]
        )
        server = state.judge()
        is_ready = (
            fault is None
            and server.status == "True"
            and self._is_served(compilation, rollout, stable, pods)
        )
        ready = self._judge_ready(rollout, stable, server, fault, is_ready=is_ready)
        touches, due = self._touches(rollout, stable, pods, data)
        return Plan(
            status=self._status(
                compilation, rollout, stable, pods, state, server, ready, fault
            ).dump(),
            apply=objects,
            delete=(*find_unwanted(self.observed, objects), *self._forgotten(rollout)),
            scale=state.scale,
            touch=touches,
            notices=self.earlier.notices(ready),
            ask_pods=not is_ready,
            again_after_seconds=soonest(due),
        )

    def _objects(
        self, rollout: Rollout, pod: Pod, data: dict[str, str]
    ) -> tuple[tuple[dict[str, object], ...], Fault | None]:
        """Build everything; revisions first, since what pods are told must be kept."""
        kept = [one for one in rollout.all if self._is_kept(rollout, one)]
        servers = {
            one.model
            for release in _releases(rollout)
            for one in release.models
            if one.placement == "Remote"
        }
        wanted = [
            *(build_revision_of(self.child, one) for one in kept),
            *build_server(
                self.child,
                pod,
                data=data,
                defaults=self.defaults,
                apis=self.observed.apis,
                model_servers=tuple(sorted(servers)),
            ),
        ]
        free, fault = take_free_names(self.observed, wanted, self.observed.revisions)
        return tuple(dict(one) for one in free), fault

    def _is_kept(self, rollout: Rollout, revision: Revision) -> bool:
        limit = self.declared.resource.spec.revision_history_limit
        return revision.role != "history" or revision in rollout.history[:limit]

    def _forgotten(self, rollout: Rollout) -> tuple[Name, ...]:
        there = {one["metadata"]["name"] for one in self.observed.revisions}
        names = [
            revision_name(self.child, one.digest)
            for one in rollout.history
            if not self._is_kept(rollout, one)
        ]
        return tuple(("ControllerRevision", name) for name in names if name in there)

    def _projection(
        self, stable: Revision, candidate: Revision | None
    ) -> tuple[dict[str, str], Fault | None]:
        """Return what pods are told; a candidate that does not fit beside the stable one is left."""
        lists = {**stable.lists, **(candidate.lists if candidate else {})}
        beside = candidate.release if candidate else None
        try:
            return config_map_data(projection_files(stable.release, beside, 0.0, lists)), None
        except ReleaseError as error:
            fault = fault_of_error(error, self.child.resource)
            alone = projection_files(stable.release, None, 0.0, stable.lists)
            return config_map_data(alone), fault

    def _pod(self, rollout: Rollout, stable: Revision) -> Pod:
        spec = self.declared.resource.spec
        keys = spec.auth.api_keys_secret_ref
        stores = {
            one.store
            for release in _releases(rollout) or (stable.release,)
            for one in release.models
            if one.placement == "Inline" and one.store
        }
        return Pod(
            mode="decision",
            # One process counts and writes; more of them would each know a part.
            server=spec.server.model_copy(update={"replicas": None, "autoscaling": None}),
            image=spec.server.image or self.defaults.bento_image,
            pull_policy=self.defaults.image_pull_policy,
            stores=tuple(sorted(stores)),
            api_keys_secret=keys.name if keys else None,
            env={"SENTINEL_API_KEYS_FILE": KEYS_FILE},
            recreate=True,
        )

    def _find_more_replicas(self) -> Fault | None:
        server = self.declared.resource.spec.server
        if (server.replicas or 1) == 1 and server.autoscaling is None:
            return None
        message = "A pipeline without shared state has one replica; the spec asks for more."
        action = "Remove spec.server.replicas and spec.server.autoscaling."
        return find_fault("EphemeralState", message, self.child.resource, action)

    def _find_refusal(self, stable: Revision, pods: Pods) -> Fault | None:
        """Return why a pod does not serve the stable release, as it says itself."""
        for name, report in pods.refusals():
            if report.get("stable") != stable.digest:
                message = f"Pod {name}: {report.get('message') or 'it gives no reason'}"
                reason = str(report.get("reason") or "Unexpected")
                return find_fault(reason, message, self.child.resource)
        return None

    def _is_served(
        self, compilation: Compilation, rollout: Rollout, stable: Revision, pods: Pods
    ) -> bool:
        wanted = compilation.wanted
        current = wanted is not None and wanted.release.digest == stable.digest
        return current and rollout.candidate is None and pods.all_ready_say(stable=stable.digest)

    def _touches(
        self, rollout: Rollout, stable: Revision, pods: Pods, data: dict[str, str]
    ) -> tuple[tuple[Touch, ...], float | None]:
        candidate = rollout.candidate.digest if rollout.candidate else None
        names = pods.unconfirmed(stable=stable.digest, candidate=candidate)
        waiting = [pods.live[name] for name in names]
        return plan_touches(waiting, token_of(data), self.observed.now)

    # What is said

    def _judge_ready(
        self,
        rollout: Rollout,
        stable: Revision,
        server: Judgement,
        fault: Fault | None,
        *,
        is_ready: bool,
    ) -> Judgement:
        if is_ready:
            return Judgement("True", "Served", f"Every ready pod serves {stable.digest}.")
        if fault is not None:
            return Judgement.of_fault(fault)
        if rollout.candidate is not None:
            message = f"Pods load {rollout.candidate.digest} beside the release that serves."
            return Judgement("False", "Progressing", message)
        if server.status != "True":
            return Judgement("False", "Progressing", server.message)
        return Judgement("False", "NotConfirmed", f"A ready pod does not yet say {stable.digest}.")

    def _status(  # noqa: PLR0913, PLR0917 - everything that the status tells of
        self,
        compilation: Compilation,
        rollout: Rollout,
        stable: Revision,
        pods: Pods,
        state: ServerState,
        server: Judgement,
        ready: Judgement,
        fault: Fault | None,
    ) -> SentinelPipelineStatus:
        candidate = rollout.candidate
        return SentinelPipelineStatus(
            observed_generation=self.earlier.generation,
            phase=_phase(ready, fault),
            conditions=self.earlier.conditions(
                {
                    **_judge_release(compilation),
                    "ServerReady": server,
                    "Durable": _EPHEMERAL,
                    "Available": judge_available(pods, ready),
                    "Ready": ready,
                }
            ),
            served=pods.served,
            last_failure=self.earlier.failure(fault),
            url=state.url,
            grpc_url=state.grpc_url,
            replicas=state.replicas_there,
            selector=state.selector,
            stable=RevisionStatus(digest=stable.digest, revision=stable.number, since=stable.since),
            candidate=Candidate(
                digest=candidate.digest,
                revision=candidate.number,
                percent=0.0,
                confirmed_percent=0.0,
            )
            if candidate
            else None,
            models=tuple(
                PipelineModelStatus(name=one.name, digest=one.digest)
                for one in stable.release.models
            ),
        )


_EPHEMERAL = Judgement(
    "False",
    "EphemeralState",
    "Decisions and counts are kept in the pod and are lost with it, and there is one replica.",
)


def _judge_release(compilation: Compilation) -> dict[ConditionType, Judgement]:
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


def _releases(rollout: Rollout) -> tuple[Release, ...]:
    """Return the releases that pods load."""
    return tuple(one.release for one in (rollout.stable, rollout.candidate) if one is not None)


def _phase(ready: Judgement, fault: Fault | None) -> Phase:
    if ready.status == "True":
        return "Ready"
    return "Progressing" if fault is None else "Degraded"
