"""Amounts of CPU, memory and disk, as Kubernetes writes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

_FACTORS: Final = {
    "": Decimal(1), "m": Decimal("0.001"),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9, "T": Decimal(10) ** 12,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30, "Ti": Decimal(2) ** 40,
}  # fmt: skip
"""Suffixes of a resource.Quantity, but for those that no server needs (n, u, P, E and exponents)."""

Quantity = (
    Annotated[int, Field(ge=0, le=1_000_000_000_000)]
    | Annotated[
        str,
        # 32 leaves room for every amount that 64 bits hold.
        Field(max_length=32, pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"),
    ]
)
"""A number, or one with a suffix: ``250m`` is a quarter, ``1Gi`` is 2^30."""


def read_quantity(quantity: Quantity) -> Decimal:
    """Return the number that a quantity stands for.

    Examples
    --------
    >>> read_quantity("250m"), read_quantity("1Ki"), read_quantity(2)
    (Decimal('0.250'), Decimal('1024'), Decimal('2'))
    """
    text = str(quantity)
    digits = text.rstrip("mkKMGTi")
    return Decimal(digits) * _FACTORS[text[len(digits) :]]
