"""Who may reach a server, and whom it may reach: the part of a NetworkPolicy that is chosen."""

from __future__ import annotations

import ipaddress
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from sentinel_core.resources.cross_field import CrossField
from sentinel_core.resources.metadata import Declaration

MAX_PEERS = 16
MAX_PORTS = 16
MAX_LABELS = 16
"""Bounds that keep a policy readable and a schema's validation cost small."""

LabelKey = Annotated[
    str,
    Field(
        description="Key of a label: letters, digits, -, _ and ., with a prefix and / or without.",
        max_length=317,  # a prefix of 253, a slash and a name of 63
        pattern=r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
    ),
]
LabelValue = Annotated[
    str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
]
Cidr = Annotated[
    str,
    # The longest IPv6 prefix has 43.
    Field(max_length=64, pattern=r"^[0-9a-fA-F.:]+/[0-9]{1,3}$", examples=["10.0.0.0/8"]),
]


def _is_range(cidr: str) -> bool:
    try:
        ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return False
    return True


def _lies_within(block: IpBlock) -> bool:
    if not all(_is_range(one) for one in (block.cidr, *block.excluded)):
        return True  # the rule about ranges speaks of it
    whole = ipaddress.ip_network(block.cidr, strict=False)
    parts = [ipaddress.ip_network(one, strict=False) for one in block.excluded]
    return all(
        part.version == whole.version
        and part.prefixlen > whole.prefixlen
        and part.network_address in whole
        for part in parts
    )


class LabelSelector(Declaration):
    """Objects by their labels."""

    match_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=MAX_LABELS)] = Field(
        {}, description="Labels that an object must have, all of them; empty selects every object."
    )


class IpBlock(Declaration):
    """A range of addresses."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="cidr",
            message="cidr is no range of addresses; write one such as 10.0.0.0/8 or fd00::/8",
            cel="isCIDR(self.cidr)",
            holds=lambda block: _is_range(block.cidr),
        ),
        CrossField(
            field="except",
            message="except holds what is no range of addresses; write ranges such as 10.1.0.0/16",
            cel="!has(self.except) || self.except.all(one, isCIDR(one))",
            holds=lambda block: all(_is_range(one) for one in block.excluded),
        ),
        CrossField(
            field="except",
            message="except holds a range that is no part of cidr; write smaller ranges inside it",
            cel="!has(self.except) || !isCIDR(self.cidr) || self.except.all(one, !isCIDR(one) || "
            "(cidr(self.cidr).containsCIDR(one) && "
            "cidr(one).prefixLength() > cidr(self.cidr).prefixLength()))",
            holds=_lies_within,
        ),
    )

    cidr: Cidr = Field(description="Range of addresses, such as 10.0.0.0/8.")
    excluded: Annotated[tuple[Cidr, ...], Field(strict=False, max_length=MAX_PEERS)] = Field(
        (), alias="except", description="Ranges inside it that are left out."
    )


class Peer(Declaration):
    """The other end of a connection: pods by labels, or addresses."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="",
            message="a peer has podSelector, namespaceSelector or both, or ipBlock alone",
            cel="has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))",
            holds=lambda peer: (
                (peer.ip_block is None)
                != (peer.pod_selector is None and peer.namespace_selector is None)
            ),
        ),
    )

    pod_selector: LabelSelector | None = Field(
        None, description="Pods by labels; in the server's namespace without namespaceSelector."
    )
    namespace_selector: LabelSelector | None = Field(
        None, description="Namespaces by labels; all of their pods without podSelector."
    )
    ip_block: IpBlock | None = Field(None, description="Addresses; not together with selectors.")


class EgressPort(Declaration):
    """A port of the other end."""

    port: int = Field(ge=1, le=65_535, description="Number of the port.")
    protocol: Literal["TCP", "UDP", "SCTP"] = Field("TCP", description="Protocol of the port.")


class Egress(Declaration):
    """Something that a server may reach, such as its artifact store."""

    cross_field: ClassVar[tuple[CrossField, ...]] = (
        CrossField(
            field="",
            message="an egress without to and ports allows everything; write one or both",
            cel="(has(self.to) && size(self.to) > 0) || (has(self.ports) && size(self.ports) > 0)",
            holds=lambda egress: bool(egress.to or egress.ports),
        ),
    )

    to: Annotated[tuple[Peer, ...], Field(strict=False, max_length=MAX_PEERS)] = Field(
        (), description="The other ends; empty means any."
    )
    ports: Annotated[tuple[EgressPort, ...], Field(strict=False, max_length=MAX_PORTS)] = Field(
        (), description="Their ports; empty means all."
    )


class NetworkPolicy(Declaration):
    """Who may reach a server and whom it may reach; what is not named is denied."""

    enabled: bool = Field(
        True, description="Whether there is a NetworkPolicy; false allows every connection."
    )
    allow_from: Annotated[tuple[Peer, ...], Field(strict=False, max_length=MAX_PEERS)] | None = (
        Field(
            None,
            description="Who may call ports 3000 and 3001; absent means every pod of the server's "
            "namespace, an empty list nobody.",
        )
    )
    egress: Annotated[tuple[Egress, ...], Field(strict=False, max_length=MAX_PEERS)] = Field(
        (), description="What the server may reach beside DNS: its artifact store, say."
    )
