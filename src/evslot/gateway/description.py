"""What a route says of itself beyond its signature: its refusals, parameters and an example."""

from typing import Any

from evslot.gateway.limits import Class
from evslot.gateway.parsing import Parameters
from evslot.spine.message import Refusal


def described(
    *refusals: type[Refusal],
    tag: str,
    parameters: type[Parameters] | None = None,
    example: Any = None,
    limit: Class | None = None,
    media: tuple[str, ...] = (),
    raw_body: str | None = None,
) -> dict[str, Any]:
    """Goes into a route's `opt`; /openapi.json and the page at /docs are made from it.

    `media`: what is answered where it is not (only) JSON, such as ("text/csv",). `raw_body`: the
    media type of a body whose very bytes are read. `limit` is named only where signature, method
    and tag do not say it: see `limits.class_of`.
    """
    return {
        "refusals": refusals,
        "tag": tag,
        "parameters": parameters,
        "example": example,
        "limit": limit,
        "media": media,
        "raw_body": raw_body,
    }
