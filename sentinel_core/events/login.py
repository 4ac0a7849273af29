"""The payload of a login attempt."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sentinel_core.events.transaction import Country


class Login(BaseModel):
    """An attempt to sign in, whatever came of it.

    Who and from where - user, account, ip, device - stands in the envelope's ``entities``.

    Attributes
    ----------
    result : what the identity provider answered
    mfa : the second factor asked for, and how it ended
    user_agent : as the client sent it; compared, never parsed
    lat, lon : degrees (WGS 84) of the address, both or none
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    entity_kinds: ClassVar[tuple[str, ...]] = ("user", "account", "ip", "device")
    split_kinds: ClassVar[tuple[str, ...]] = ("user", "account")

    result: Literal["success", "failure", "locked", "challenge"]
    mfa: Literal["none", "passed", "failed", "skipped"] | None = None
    failure_reason: Literal["unknown_user", "bad_password", "expired", "policy"] | None = None
    country: Country | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    user_agent: Annotated[str, Field(max_length=512)] | None = None

    @model_validator(mode="after")
    def _place_is_whole(self) -> Login:
        if (self.lat is None) != (self.lon is None):
            message = "lat and lon come together or not at all"
            raise ValueError(message)
        return self
