"""What pydantic finds wrong with a manifest, said to the person who wrote it."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sentinel_core.errors import Problem
from sentinel_core.located import Located, problem, refusal
from sentinel_core.resources.cross_field import FAULT_TYPE

Model = TypeVar("Model", bound=BaseModel)
Loc = tuple[int | str, ...]


def parse_block(located: Located, model: type[Model], at: str = "") -> Model:
    """Validate a part of a manifest, naming each fault at its place with what to write there.

    Parameters
    ----------
    at : str
        Dotted path of the part in its document, put before the names in messages.

    Raises
    ------
    InvalidDocumentError
        With one problem for each fault. Retryable: no.
    """
    try:
        return model.model_validate(located.plain())
    except ValidationError as error:
        raise refusal(list(_problems(error, located, model, at))) from error


def _problems(
    error: ValidationError, located: Located, model: type[BaseModel], at: str
) -> Iterator[Problem]:
    for fault in error.errors(include_url=False, include_input=False):
        loc = (*(part for part in fault["loc"] if part != "[key]"), *_field_of_rule(fault))
        name = ".".join(str(part) for part in (at, *loc) if part != "")
        where = located.at(loc)
        if fault["type"] == "missing":
            hint = _description(model, loc)
            yield problem(where, f"{name} is missing", hint)
        elif fault["type"] == "extra_forbidden":
            yield problem(where, f"there is no field {name}", _spelling(model, loc))
        elif fault["type"] == "string_pattern_mismatch":
            yield problem(where, f"{name} does not have its form", _example(model, loc))
        else:
            message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
            said = f"{name or 'the document'}: {message[:1].lower()}{message[1:]}"
            yield problem(where, said, _example(model, loc))


def _field_of_rule(fault: ErrorDetails) -> Loc:
    """Return the way from an object to the field that a broken rule of it is about."""
    named = fault["ctx"]["field"] if fault["type"] == FAULT_TYPE else ""
    return tuple(named.split(".")) if named else ()


def _spelling(model: type[BaseModel], loc: Loc) -> str:
    owner = _owner(model, loc)
    names = sorted(_fields(owner)) if owner else []
    close = difflib.get_close_matches(str(loc[-1]), names, n=1)
    return f"did you mean {close[0]}?" if close else f"known here: {', '.join(names) or 'none'}"


def _example(model: type[BaseModel], loc: Loc) -> str:
    info = _field(model, loc)
    if info is not None and info.examples:
        return f"{_description(model, loc)}; such as {info.examples[0]}"
    return _description(model, loc)


def _description(model: type[BaseModel], loc: Loc) -> str:
    info = _field(model, loc)
    return ((info.description if info else None) or "correct it").rstrip(".")


def _field(model: type[BaseModel], loc: Loc) -> FieldInfo | None:
    while loc and isinstance(loc[-1], int):  # an item is described by its list
        loc = loc[:-1]
    owner = _owner(model, loc)
    return _fields(owner).get(str(loc[-1])) if owner and loc else None


def _owner(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Return the class whose field the last part of a path is, or None where that is no class."""
    owner: Any = model
    for part in loc[:-1]:
        # A number is a place in a list, and the class of a list is that of its items.
        if isinstance(part, str) and isinstance(owner, type) and issubclass(owner, BaseModel):
            info = _fields(owner).get(part)
            owner = _class_of(info.annotation) if info else None
    return owner if isinstance(owner, type) and issubclass(owner, BaseModel) else None


def _fields(owner: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {info.alias or name: info for name, info in owner.model_fields.items()}


def _class_of(annotation: Any) -> type[BaseModel] | None:
    """Return the one class inside ``X | None``, ``tuple[X, ...]`` or ``Annotated[X, ...]``."""
    if get_origin(annotation) is Annotated:
        return _class_of(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType, tuple):
        inner: Sequence[Any] = [_class_of(a) for a in get_args(annotation)]
        return next((c for c in inner if c is not None), None)
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None
