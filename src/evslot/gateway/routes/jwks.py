"""The public keys that prove access tokens."""

from typing import Any

from litestar import Response, get

from evslot.gateway.description import described
from evslot.gateway.visitors import Visitor


@get("/.well-known/jwks.json", opt=described(tag="Accounts"))
async def get_jwks(visitor: Visitor) -> Response[dict[str, Any]]:
    """A JSON Web Key Set (RFC 7517); tokens are signed with Ed25519 (RFC 9864)."""
    return Response(visitor.public_jwks(), headers={"Cache-Control": "public, max-age=300"})


ROUTES = [get_jwks]
