"""The pages about the two resources, written from what declares them.

Run as ``python -m sentinel_core.crds.pages [--check] DOCS``: fields and conditions go to
``reference``, what to do about each reason to ``runbooks``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sentinel_core.crds.definitions import KINDS, Kind, resource_schema
from sentinel_core.generated import write_files
from sentinel_core.resources.conditions import CONDITIONS, REASONS, ReasonDoc
from sentinel_core.resources.reason import Location

_LOOK: Mapping[Location | None, str] = {
    None: "kubectl describe spipe NAME",
    "spec": "kubectl get spipe NAME -o yaml",
    "artifact": "kubectl logs -l sentinel.dev/resource=NAME,sentinel.dev/role=proof",
    "inputs": "sentinel release compile -f FOLDER",
    "models": "kubectl get smodel",
    "release": "kubectl get controllerrevisions -l sentinel.dev/resource=NAME",
    "server": "kubectl describe pods -l sentinel.dev/resource=NAME",
    "children": "kubectl get events --field-selector involvedObject.name=NAME",
}
"""Where to look, by where a fault lies."""
_TITLES: Mapping[Location | None, str] = {
    None: "Nothing is wrong",
    "spec": "The resource itself",
    "artifact": "The artifact and its store",
    "inputs": "What the resource names",
    "models": "The models of a pipeline",
    "release": "The release",
    "server": "The pods",
    "children": "Objects that the operator makes",
}


def render_fields() -> str:
    """Write every field of both resources, with its type, default and meaning."""
    parts = [
        "# Fields of the resources",
        (
            "Written by `./task gen:crds`; do not edit. `kubectl explain smodel.spec` and "
            "`kubectl explain spipe.spec --recursive` say the same. Rules between fields are part of "
            "the schema too, and the API server names the field when it refuses one."
        ),
    ]
    for kind in KINDS:
        parts += [f"## {kind.name}", *_tables(kind)]
    return "\n\n".join(parts) + "\n"


def render_conditions() -> str:
    """Write every type of condition, and every reason."""
    lines = [
        "# Conditions and reasons",
        "",
        (
            "Written by `./task gen:crds`; do not edit. Wait for and alert on `Ready` and "
            "`Available`; the others say what is missing. A reason is never renamed."
        ),
        "",
        "| condition | when it is True |",
        "|---|---|",
        *(f"| `{kind}` | {said} |" for kind, said in CONDITIONS.items()),
        "",
    ]
    for location, title in _TITLES.items():
        lines += [f"## {title}", "", "| reason | meaning | passes by itself? |", "|---|---|---|"]
        lines += [
            f"| [`{name}`](../runbooks/reasons.md#{name.lower()}) | {doc.summary} | "
            f"{'perhaps' if doc.retryable else 'no'} |"
            for name, doc in _reasons_of(location)
        ]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def render_runbook() -> str:
    """Write what to do about each reason."""
    lines = [
        "# What to do about each reason",
        "",
        (
            "Written by `./task gen:crds`; do not edit. The message and `userAction` in "
            "`status.lastFailure` are more exact than this page: they name the object, the field or the "
            "pod. NAME is the resource; for a model write smodel where a command says spipe."
        ),
    ]
    for location, title in _TITLES.items():
        lines += ["", f"## {title}", "", f"Look first: `{_LOOK[location]}`"]
        for name, doc in _reasons_of(location):
            lines += ["", f"### {name}", "", doc.summary, "", f"Do: {doc.user_action}"]
            if doc.retryable:
                lines += ["", "It may pass without a change; the operator goes on trying."]
    return "\n".join(lines) + "\n"


def _reasons_of(location: Location | None) -> Iterator[tuple[str, ReasonDoc]]:
    for name, doc in REASONS.items():
        if doc.location == location:
            yield name, doc


def _tables(kind: Kind) -> Iterator[str]:
    schema = resource_schema(kind)
    for part in ("spec", "status"):
        rows = [
            f"| `{path}` | {_type(field)} | {_default(field)} | {_text(field)} |"
            for path, field in _fields(schema["properties"][part], part)
        ]
        head = ["| field | type | default | meaning |", "|---|---|---|---|"]
        yield "\n".join([f"### {kind.name} {part}", "", *head, *rows])


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every field below a schema, with its path."""
    for name, field in (schema.get("properties") or {}).items():
        here = f"{path}.{name}"
        yield here, field
        yield from _fields(field, here)
        if field.get("type") == "array":
            yield from _fields(field["items"], f"{here}[]")


def _type(field: Mapping[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    name = str(field.get("type", "any"))
    return f"list of {field['items'].get('type', 'any')}s" if name == "array" else name


def _default(field: Mapping[str, Any]) -> str:
    if "default" not in field:
        return ""
    return f"`{json.dumps(field['default'])}`"


def _text(field: Mapping[str, Any]) -> str:
    return str(field.get("description", "")).replace("|", "\\|").replace("\n", " ")


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or check that they are up to date."""
    parser = argparse.ArgumentParser(prog="python -m sentinel_core.crds.pages")
    parser.add_argument("--check", action="store_true", help="fail when a page is stale")
    parser.add_argument("docs", metavar="DOCS", type=Path)
    options = parser.parse_args(arguments)
    pages = {
        options.docs / "reference" / "crds.md": render_fields(),
        options.docs / "reference" / "conditions.md": render_conditions(),
        options.docs / "runbooks" / "reasons.md": render_runbook(),
    }
    return write_files(pages, check=options.check, task="gen:crds")


if __name__ == "__main__":
    sys.exit(main())
