import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Event(_message.Message):
    __slots__ = ("id", "tenant", "occurred_at", "entities", "transaction", "login")
    class EntitiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    ENTITIES_FIELD_NUMBER: _ClassVar[int]
    TRANSACTION_FIELD_NUMBER: _ClassVar[int]
    LOGIN_FIELD_NUMBER: _ClassVar[int]
    id: str
    tenant: str
    occurred_at: _timestamp_pb2.Timestamp
    entities: _containers.ScalarMap[str, str]
    transaction: Transaction
    login: Login
    def __init__(self, id: _Optional[str] = ..., tenant: _Optional[str] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., entities: _Optional[_Mapping[str, str]] = ..., transaction: _Optional[_Union[Transaction, _Mapping]] = ..., login: _Optional[_Union[Login, _Mapping]] = ...) -> None: ...

class Transaction(_message.Message):
    __slots__ = ("amount", "currency", "mcc", "country", "channel", "lat", "lon", "vector")
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    CURRENCY_FIELD_NUMBER: _ClassVar[int]
    MCC_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    LAT_FIELD_NUMBER: _ClassVar[int]
    LON_FIELD_NUMBER: _ClassVar[int]
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    amount: float
    currency: str
    mcc: str
    country: str
    channel: str
    lat: float
    lon: float
    vector: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, amount: _Optional[float] = ..., currency: _Optional[str] = ..., mcc: _Optional[str] = ..., country: _Optional[str] = ..., channel: _Optional[str] = ..., lat: _Optional[float] = ..., lon: _Optional[float] = ..., vector: _Optional[_Iterable[float]] = ...) -> None: ...

class Login(_message.Message):
    __slots__ = ("result", "mfa", "failure_reason", "country", "lat", "lon", "user_agent")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    MFA_FIELD_NUMBER: _ClassVar[int]
    FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    LAT_FIELD_NUMBER: _ClassVar[int]
    LON_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    result: str
    mfa: str
    failure_reason: str
    country: str
    lat: float
    lon: float
    user_agent: str
    def __init__(self, result: _Optional[str] = ..., mfa: _Optional[str] = ..., failure_reason: _Optional[str] = ..., country: _Optional[str] = ..., lat: _Optional[float] = ..., lon: _Optional[float] = ..., user_agent: _Optional[str] = ...) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("event", "explain")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    event: Event
    explain: bool
    def __init__(self, event: _Optional[_Union[Event, _Mapping]] = ..., explain: _Optional[bool] = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("decision",)
    DECISION_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("id", "event_id", "score", "level", "outcome", "coverage", "reasons", "signals", "degraded", "release", "arm", "created_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    ARM_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    event_id: str
    score: float
    level: str
    outcome: str
    coverage: float
    reasons: _containers.RepeatedCompositeFieldContainer[Reason]
    signals: _containers.RepeatedCompositeFieldContainer[Signal]
    degraded: _containers.RepeatedScalarFieldContainer[str]
    release: str
    arm: str
    created_at: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., event_id: _Optional[str] = ..., score: _Optional[float] = ..., level: _Optional[str] = ..., outcome: _Optional[str] = ..., coverage: _Optional[float] = ..., reasons: _Optional[_Iterable[_Union[Reason, _Mapping]]] = ..., signals: _Optional[_Iterable[_Union[Signal, _Mapping]]] = ..., degraded: _Optional[_Iterable[str]] = ..., release: _Optional[str] = ..., arm: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Reason(_message.Message):
    __slots__ = ("source", "code", "text", "points")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    source: str
    code: str
    text: str
    points: float
    def __init__(self, source: _Optional[str] = ..., code: _Optional[str] = ..., text: _Optional[str] = ..., points: _Optional[float] = ...) -> None: ...

class Signal(_message.Message):
    __slots__ = ("name", "status", "score")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    name: str
    status: str
    score: float
    def __init__(self, name: _Optional[str] = ..., status: _Optional[str] = ..., score: _Optional[float] = ...) -> None: ...

class ScoreBatchRequest(_message.Message):
    __slots__ = ("events", "explain")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    explain: bool
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., explain: _Optional[bool] = ...) -> None: ...

class ScoreBatchResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[BatchResult]
    def __init__(self, results: _Optional[_Iterable[_Union[BatchResult, _Mapping]]] = ...) -> None: ...

class BatchResult(_message.Message):
    __slots__ = ("decision", "problem")
    DECISION_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    problem: Problem
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., problem: _Optional[_Union[Problem, _Mapping]] = ...) -> None: ...

class Problem(_message.Message):
    __slots__ = ("code", "title", "detail", "user_action", "retryable", "errors")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    USER_ACTION_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    code: str
    title: str
    detail: str
    user_action: str
    retryable: bool
    errors: _containers.RepeatedCompositeFieldContainer[FieldProblem]
    def __init__(self, code: _Optional[str] = ..., title: _Optional[str] = ..., detail: _Optional[str] = ..., user_action: _Optional[str] = ..., retryable: _Optional[bool] = ..., errors: _Optional[_Iterable[_Union[FieldProblem, _Mapping]]] = ...) -> None: ...

class FieldProblem(_message.Message):
    __slots__ = ("location", "message", "hint")
    LOCATION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    HINT_FIELD_NUMBER: _ClassVar[int]
    location: str
    message: str
    hint: str
    def __init__(self, location: _Optional[str] = ..., message: _Optional[str] = ..., hint: _Optional[str] = ...) -> None: ...

class GetDecisionRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class GetDecisionResponse(_message.Message):
    __slots__ = ("record",)
    RECORD_FIELD_NUMBER: _ClassVar[int]
    record: DecisionRecord
    def __init__(self, record: _Optional[_Union[DecisionRecord, _Mapping]] = ...) -> None: ...

class DecisionRecord(_message.Message):
    __slots__ = ("decision", "event_digest", "seq", "tenant", "explained", "signals", "hits", "features", "feature_spec", "artifacts", "runtime", "stage_us")
    class ArtifactsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class RuntimeEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class StageUsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    DECISION_FIELD_NUMBER: _ClassVar[int]
    EVENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    EXPLAINED_FIELD_NUMBER: _ClassVar[int]
    SIGNALS_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    FEATURE_SPEC_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    STAGE_US_FIELD_NUMBER: _ClassVar[int]
    decision: Decision
    event_digest: str
    seq: int
    tenant: str
    explained: bool
    signals: _containers.RepeatedCompositeFieldContainer[RecordedSignal]
    hits: _containers.RepeatedCompositeFieldContainer[RuleHit]
    features: _containers.RepeatedCompositeFieldContainer[Feature]
    feature_spec: str
    artifacts: _containers.ScalarMap[str, str]
    runtime: _containers.ScalarMap[str, str]
    stage_us: _containers.ScalarMap[str, int]
    def __init__(self, decision: _Optional[_Union[Decision, _Mapping]] = ..., event_digest: _Optional[str] = ..., seq: _Optional[int] = ..., tenant: _Optional[str] = ..., explained: _Optional[bool] = ..., signals: _Optional[_Iterable[_Union[RecordedSignal, _Mapping]]] = ..., hits: _Optional[_Iterable[_Union[RuleHit, _Mapping]]] = ..., features: _Optional[_Iterable[_Union[Feature, _Mapping]]] = ..., feature_spec: _Optional[str] = ..., artifacts: _Optional[_Mapping[str, str]] = ..., runtime: _Optional[_Mapping[str, str]] = ..., stage_us: _Optional[_Mapping[str, int]] = ...) -> None: ...

class RecordedSignal(_message.Message):
    __slots__ = ("signal", "kind", "raw", "cap", "hard_outcome")
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    HARD_OUTCOME_FIELD_NUMBER: _ClassVar[int]
    signal: Signal
    kind: str
    raw: float
    cap: float
    hard_outcome: str
    def __init__(self, signal: _Optional[_Union[Signal, _Mapping]] = ..., kind: _Optional[str] = ..., raw: _Optional[float] = ..., cap: _Optional[float] = ..., hard_outcome: _Optional[str] = ...) -> None: ...

class RuleHit(_message.Message):
    __slots__ = ("rule_id", "name", "category", "outcome", "points", "floor", "cap", "text")
    RULE_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    FLOOR_FIELD_NUMBER: _ClassVar[int]
    CAP_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    rule_id: str
    name: str
    category: str
    outcome: str
    points: float
    floor: float
    cap: float
    text: str
    def __init__(self, rule_id: _Optional[str] = ..., name: _Optional[str] = ..., category: _Optional[str] = ..., outcome: _Optional[str] = ..., points: _Optional[float] = ..., floor: _Optional[float] = ..., cap: _Optional[float] = ..., text: _Optional[str] = ...) -> None: ...

class Feature(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...

class ReplayRequest(_message.Message):
    __slots__ = ("id",)
    ID_FIELD_NUMBER: _ClassVar[int]
    id: str
    def __init__(self, id: _Optional[str] = ...) -> None: ...

class ReplayResponse(_message.Message):
    __slots__ = ("id", "equal", "proved", "differences")
    ID_FIELD_NUMBER: _ClassVar[int]
    EQUAL_FIELD_NUMBER: _ClassVar[int]
    PROVED_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_FIELD_NUMBER: _ClassVar[int]
    id: str
    equal: bool
    proved: str
    differences: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, id: _Optional[str] = ..., equal: _Optional[bool] = ..., proved: _Optional[str] = ..., differences: _Optional[_Iterable[str]] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ("event_id", "verdict", "note")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    verdict: str
    note: str
    def __init__(self, event_id: _Optional[str] = ..., verdict: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class FeedbackResponse(_message.Message):
    __slots__ = ("event_id", "verdict", "label", "known_at", "repeated")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    KNOWN_AT_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    verdict: str
    label: str
    known_at: _timestamp_pb2.Timestamp
    repeated: bool
    def __init__(self, event_id: _Optional[str] = ..., verdict: _Optional[str] = ..., label: _Optional[str] = ..., known_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., repeated: _Optional[bool] = ...) -> None: ...
