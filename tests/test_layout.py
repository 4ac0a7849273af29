"""The house keeps its shape: where files stand, how long they are, and what an import costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("sentinel_core", "bentos", "pipelines", "operator")
MAX_FILE_LINES = 400
MAX_BODY_LINES = 60


def tracked_files():
    """Return the files that git keeps, but for those that a commit in the making has removed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout, so nothing says which files belong to the project")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(path):
    """Return the text of a file, or nothing where it is no text."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def modules(*folders):
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "node_modules" not in path.parts
    )


def name_of(path):
    return str(path.relative_to(ROOT))


def python(code):
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split()


def functions(path):
    tree = ast.parse(path.read_text("utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def body_lines(function):
    """Count the lines of a function after its signature and its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return function.end_lineno - body[0].lineno + 1 if body else 0


def test_the_folder_operator_is_no_package():
    # It would stand before the standard library's module of that name.
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_from_the_root_operator_is_the_standard_library_s():
    assert python(
        "import operator; print(operator.add(2, 3), hasattr(operator, 'attrgetter'))"
    ) == [
        "5",
        "True",
    ]


def test_no_file_of_a_package_is_longer_than_400_lines():
    lengths = {name_of(p): len(p.read_text("utf-8").splitlines()) for p in modules(*PACKAGES)}
    assert {n: lines for n, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_of_a_package_has_a_body_of_more_than_60_lines():
    bodies = {
        f"{name_of(path)}:{function.name}": body_lines(function)
        for path in modules(*PACKAGES)
        for function in functions(path)
    }
    assert {n: lines for n, lines in bodies.items() if lines > MAX_BODY_LINES} == {}


def test_every_module_of_a_package_says_what_it_is_for():
    silent = [
        name_of(path)
        for path in modules(*PACKAGES)
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_no_module_is_named_for_everything():
    banned = {"util", "utils", "helper", "helpers", "common", "misc"}
    assert [name_of(p) for p in modules(*PACKAGES, "tests") if p.stem in banned] == []


def test_nothing_is_left_to_do_in_a_comment():
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    found = [name_of(p) for p in tracked_files() if mark.search(text_of(p))]
    assert found == []


MACHINE_PATHS = re.compile(r"(?<![\w.$}~-])/(work|root|home/\w+|Users/\w+|tmp/(?!$)\w+)/")
REGISTRIES = re.compile(
    r"(?m)^\s*(--(extra-)?index-url|--find-links|-i)\b|artifactory|jfrog|nexus\.|pypi\.(?!org\b)\w+\."
)


@pytest.mark.parametrize(
    ("what", "pattern"), [("a path of one machine", MACHINE_PATHS), ("a registry", REGISTRIES)]
)
def test_no_tracked_file_names(what, pattern):
    found = {
        f"{name_of(path)}: {match[0]}"
        for path in tracked_files()
        if path != Path(__file__)
        for match in [pattern.search(text_of(path))]
        if match
    }
    assert found == set(), what


def test_generated_and_downloaded_things_are_not_tracked():
    banned = {".onnx", ".parquet", ".db", ".pyc", ".whl", ".tar", ".gz", ".zip", ".pem", ".key"}
    assert [name_of(p) for p in tracked_files() if p.suffix in banned] == []


HEAVY = ("numpy", "onnx", "onnxruntime", "sqlalchemy", "alembic", "pyarrow", "google.protobuf")


@pytest.mark.parametrize("module", ["sentinel_core.release", "sentinel_core.resources"])
def test_compiling_a_release_loads_parsers_only(module):
    loaded = python(f"import {module}, sys; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == []


def test_the_command_line_s_shell_loads_few_packages():
    code = (
        "import sys; before = set(sys.modules); import sentinel_core.cli.main\n"
        "new = {m.split('.')[0] for m in set(sys.modules) - before}\n"
        "print(*sorted(n for n in new if n not in sys.stdlib_module_names and n[0] != '_'))"
    )
    typers_own = {"annotated_doc", "click", "rich", "shellingham", "typer", "typing_extensions"}
    assert set(python(code)) <= {"sentinel_core", *typers_own}


@pytest.mark.parametrize(
    "room", sorted(p.parent.name for p in (ROOT / "sentinel_core").glob("*/__init__.py"))
)
def test_each_room_of_the_core_can_be_imported_first(room):
    assert python(f"import sentinel_core.{room}; print('done')") == ["done"]
