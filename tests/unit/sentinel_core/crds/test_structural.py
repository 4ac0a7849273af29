"""What becomes of each form of pydantic's JSON schema in a structural schema."""

from typing import Annotated, ClassVar, Literal

import pytest
from pydantic import Field

from sentinel_core.crds.structural import structural_schema
from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.metadata import Declaration


class Inner(Declaration):
    """What is inside.

    More about it, for whoever reads the code.
    """

    size: int = Field(3, ge=1, le=9, description="How large.")


class Outer(Declaration):
    """What is outside."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(field="inner.a-b", message="no", cel="self.one > 0"),
    )

    one: int = Field(description="One.", examples=[7])
    word: Literal["Only"] = Field("Only", description="A word.")
    inner: Inner = Field(Inner.model_construct(size=3), description="Inside.")
    bare: Inner
    maybe: Annotated[int, Field(ge=2)] | None = Field(None, description="Perhaps.")
    amount: Annotated[int, Field(ge=0)] | Annotated[str, Field(max_length=9)] = Field(
        description="An amount."
    )
    above: Annotated[float, Field(gt=0, le=1)] = Field(description="Above.")
    pair: tuple[Annotated[int, Field(ge=-5, le=5)], Annotated[int, Field(ge=0, le=9)]] = Field(
        description="Two."
    )
    texts: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^[a-z]+$", max_length=5, description="A key.")],
            Annotated[str, Field(max_length=4)],
        ],
        Field(max_length=8),
    ] = Field({}, description="Texts.")
    empty: Annotated[tuple[int, ...], Field(max_length=2)] = Field((), description="None yet.")


@pytest.fixture(scope="module")
def schema():
    return structural_schema(Outer)


@pytest.fixture(scope="module")
def fields(schema):
    return schema["properties"]


def test_an_example_ends_the_description(fields):
    assert fields["one"] == {"description": "One. Such as 7.", "type": "integer"}


def test_the_one_value_of_a_field_is_an_enum(fields):
    assert fields["word"] == {
        "description": "A word.", "type": "string", "enum": ["Only"], "default": "Only",
    }  # fmt: skip


def test_a_class_is_written_out_where_it_is_referred_to(fields):
    size = {
        "description": "How large.", "type": "integer", "minimum": 1, "maximum": 9, "default": 3,
    }  # fmt: skip
    assert fields["inner"] == {
        "description": "Inside.",
        "type": "object",
        "properties": {"size": size},
        "default": {"size": 3},
    }


def test_a_field_without_a_description_has_the_first_paragraph_of_its_class(fields):
    assert fields["bare"]["description"] == "What is inside."


def test_an_optional_field_has_neither_null_nor_a_default(fields):
    assert fields["maybe"] == {"description": "Perhaps.", "type": "integer", "minimum": 2}


def test_an_amount_is_a_number_or_a_text(fields):
    assert fields["amount"] == {
        "description": "An amount.",
        "x-kubernetes-int-or-string": True,
        "minimum": 0,
        "maxLength": 9,
    }


def test_a_bound_that_is_left_out_is_said_as_kubernetes_says_it(fields):
    assert fields["above"] == {
        "description": "Above.", "type": "number", "maximum": 1, "minimum": 0, "exclusiveMinimum": True,
    }  # fmt: skip


def test_a_pair_is_a_list_of_two_as_wide_as_either(fields):
    assert fields["pair"] == {
        "description": "Two.",
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "integer", "minimum": -5, "maximum": 9},
    }


def test_what_is_asked_of_keys_becomes_rules(fields):
    assert fields["texts"] == {
        "description": "Texts.",
        "type": "object",
        "maxProperties": 8,
        "additionalProperties": {"type": "string", "maxLength": 4},
        "x-kubernetes-validations": [
            {"rule": "self.all(key, key.matches(r'^[a-z]+$'))", "message": "A key"},
            {"rule": "self.all(key, size(key) <= 5)", "message": "a key has at most 5 characters"},
        ],
    }


def test_an_empty_default_is_left_out(fields):
    assert "default" not in fields["empty"]


def test_rules_of_a_class_stand_at_its_object_with_the_path_of_their_field(schema):
    assert schema["x-kubernetes-validations"] == [
        {"rule": "self.one > 0", "message": "no", "fieldPath": ".inner['a-b']"}
    ]


def test_what_has_no_default_is_required(schema):
    assert schema["required"] == ["one", "bare", "amount", "above", "pair"]
