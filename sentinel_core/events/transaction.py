"""The payload of a card payment."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel_core.events.currencies import MINOR_DIGITS, Currency

MAX_AMOUNT = 1e11
"""Largest amount in major units. Below it, an amount in ten-thousandths is exact in a float64."""
FLOAT_NOISE = 1e-9
"""How far an amount may lie from the decimals of its currency and still be that amount. Float64
arithmetic on amounts errs by some 1e-16 of them; a tenth of a cent is far above it."""

Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Mcc = Annotated[str, Field(pattern=r"^[0-9]{4}$")]
Channel = Literal["chip", "contactless", "stripe", "ecommerce", "moto", "atm", "recurring"]


class Transaction(BaseModel):
    """A payment by card or account.

    Who and where it touches - card, account, merchant, terminal, device, ip - stands in the
    envelope's ``entities``. Refunds are events of their own with a positive amount.

    Attributes
    ----------
    amount : major units of ``currency``, 0 <= amount < 10^11, no more decimals than the currency has
    currency : ISO 4217 alphabetic code
    mcc : ISO 18245 merchant category code
    country : ISO 3166-1 alpha-2 code of where the payment was accepted
    lat, lon : degrees (WGS 84), both or none
    vector : anonymised columns V1..Vn for models trained on such data, at most 64
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    entity_kinds: ClassVar[tuple[str, ...]] = (
        "card", "account", "merchant", "terminal", "device", "ip",
    )  # fmt: skip
    split_kinds: ClassVar[tuple[str, ...]] = ("card", "account")

    amount: Annotated[float, Field(ge=0, lt=MAX_AMOUNT)]
    currency: Currency
    mcc: Mcc | None = None
    country: Country | None = None
    channel: Channel | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    vector: (
        Annotated[tuple[float, ...], Field(min_length=1, max_length=64, strict=False)] | None
    ) = None

    @model_validator(mode="after")
    def _keep_to_the_currency(self) -> Transaction:
        digits = MINOR_DIGITS[self.currency]
        paid = round(self.amount, digits)
        if abs(self.amount - paid) > FLOAT_NOISE * max(1.0, paid):
            message = f"amount has more than the {digits} decimals that {self.currency} has"
            raise ValueError(message)
        # A sender's arithmetic leaves 285.79999999999995 where 285.80 was paid, and -0.0 where nothing
        # was, which would be another body under another digest.
        object.__setattr__(self, "amount", paid + 0.0)
        if (self.lat is None) != (self.lon is None):
            message = "lat and lon come together or not at all"
            raise ValueError(message)
        return self
