"""Rules: conditions over an event, its features, signals and lists, and what a hit does."""

from sentinel_core.rules.evaluate import evaluate, trace
from sentinel_core.rules.library import load_library
from sentinel_core.rules.pack import Lists, Pack, Rule, RuleHit, RuleSchema, RuleTrace
from sentinel_core.rules.parse import parse_pack, read_pack
from sentinel_core.rules.run_tests import TestResult, run_tests

__all__ = [
    "Lists",
    "Pack",
    "Rule",
    "RuleHit",
    "RuleSchema",
    "RuleTrace",
    "TestResult",
    "evaluate",
    "load_library",
    "parse_pack",
    "read_pack",
    "run_tests",
    "trace",
]
