"""Operations: what became of a request whose outcome was not told at once."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath

from evslot.gateway.answers import OperationAnswer, OperationView, presented
from evslot.gateway.backend import Accepted
from evslot.gateway.description import described
from evslot.gateway.operations import Operation
from evslot.gateway.problems import OperationNotFound
from evslot.gateway.visitors import AnyVisitor, Visitor, wants_no_wait
from evslot.services.notification import messages as notification
from evslot.services.payment import messages as payment
from evslot.services.reservation import messages as reservation
from evslot.services.station import messages as station
from evslot.services.user import messages as user
from evslot.spine.message import Catalogue, Command, Refused, message_types
from evslot.spine.operations import GetOperation, OperationState

COMMANDS = Catalogue(
    kind
    for module in (user, station, reservation, payment, notification)
    for kind in message_types(module)
    if issubclass(kind, Command)
)


@get("/v1/operations/{operation_id:uuid}", opt=described(OperationNotFound, tag="Operations"))
async def get_operation(operation_id: FromPath[UUID], visitor: Visitor) -> Response[OperationView]:
    """Where an accepted request stands, and its outcome once it is there."""
    operation = await visitor.operation(operation_id)
    if operation is None:
        raise OperationNotFound()
    state = await visitor.ask_system(
        GetOperation(command_id=operation_id, service=operation.service)
    )
    view = _view(operation, state, visitor)
    waiting = view.state in ("pending", "running")
    return Response(view, headers={"Retry-After": "1"} if waiting else {})


def accepted(request: Request[Any, Any, Any], error: Accepted) -> Response[bytes]:
    """The exception handler for what takes longer than HTTP waits: 202."""
    operation = error.operation
    view = OperationView(
        operation_id=operation.operation_id,
        type=operation.type,
        state="pending",
        accepted_at=operation.accepted_at,
    )
    return Response(
        msgspec.json.encode(view),
        status_code=202,
        media_type="application/json",
        headers={
            "Location": f"/v1/operations/{operation.operation_id}",
            "Retry-After": "1",
            # Only where it was wished (RFC 7240): otherwise the answer just took too long.
            **({"Preference-Applied": "respond-async"} if wants_no_wait(request) else {}),
        },
    )


def _view(operation: Operation, state: OperationState, visitor: AnyVisitor) -> OperationView:
    shown: Any = state.state
    if shown == "pending" and visitor.never_begun(operation):
        shown = "expired"
    return OperationView(
        operation_id=operation.operation_id,
        type=operation.type,
        state=shown,
        accepted_at=operation.accepted_at,
        answer=_answer(operation, state, visitor),
    )


def _answer(
    operation: Operation, state: OperationState, visitor: AnyVisitor
) -> OperationAnswer | None:
    if state.answer is None:
        return None
    try:
        outcome = visitor.read(COMMANDS.find_newest(operation.type), state.answer)
    except Refused as refused:
        return OperationAnswer(
            status=refused.status,
            code=refused.code,
            detail=refused.detail,
            details=refused.details or None,
        )
    if isinstance(outcome, user.SignedIn):
        # Ids of operations stand in logs and histories; tokens are for who repeats the request.
        return OperationAnswer(status=200)
    return OperationAnswer(status=200, body=presented(outcome))


ROUTES = [get_operation]
