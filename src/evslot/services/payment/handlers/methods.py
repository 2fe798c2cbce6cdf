"""Saved methods: kept as the provider's sealed token, forgotten with the person."""

from uuid import UUID

from evslot.services.payment.adapters.calls import AuthoriseAtProvider, DescribeAtProvider
from evslot.services.payment.domain.record import Description, ProviderAnswer, Record
from evslot.services.payment.messages import (
    MethodNotFound,
    MethodRefused,
    MethodShown,
    PaymentDeclined,
    RemoveMethod,
    SavedMethod,
    SavedMethods,
    SaveMethod,
    SetDefaultMethod,
    TooManyMethods,
)
from evslot.services.payment.store import methods as store
from evslot.services.payment.store.methods import Kept
from evslot.services.user import messages as user
from evslot.spine.handling import Handlers
from evslot.spine.jobs import JobFailed
from evslot.spine.message import Secret
from evslot.spine.sealing import Keys
from evslot.spine.transaction import LATER, Later, Transaction
from evslot.values import PaymentId, UserId

handlers = Handlers()


@handlers.on(SaveMethod)
async def save_method(command: SaveMethod, tx: Transaction) -> SavedMethod | Later:
    """The provider is asked what it is, so the answer comes later."""
    _check_owner(command.user_id, tx)
    if len(await store.list_methods(tx, command.user_id)) >= store.MOST:
        raise TooManyMethods()
    tx.call(
        DescribeAtProvider(
            command_id=tx.command_id,
            method_id=command.method_id,
            user_id=command.user_id,
            method=command.method,
            make_default=command.make_default,
        )
    )
    return LATER


@handlers.result(DescribeAtProvider)
async def method_described(
    job: DescribeAtProvider, result: Description | JobFailed, tx: Transaction
) -> None:
    """The provider knows the token, or it is not kept."""
    if isinstance(result, JobFailed):
        await tx.answer(job.command_id, MethodRefused(reason="provider_unavailable"))
    elif result.shown is None:
        await tx.answer(job.command_id, MethodRefused(reason="unknown_method"))
    else:
        kept = _kept(tx, job.method_id, job.user_id, job.method, result.shown)
        saved = await _keep(tx, kept, make_default=job.make_default)
        await tx.answer(job.command_id, saved or TooManyMethods())


@handlers.on(RemoveMethod)
async def remove_method(command: RemoveMethod, tx: Transaction) -> SavedMethods:
    _check_owner(command.user_id, tx)
    await store.lock_methods(tx, command.user_id)
    if not await store.delete_method(tx, command.user_id, command.method_id):
        raise MethodNotFound()
    left = await store.list_methods(tx, command.user_id)
    if left and not left[0].is_default:
        return await _made_default(tx, command.user_id, left[0].method_id)
    return SavedMethods(methods=left)


@handlers.on(SetDefaultMethod)
async def set_default_method(command: SetDefaultMethod, tx: Transaction) -> SavedMethods:
    _check_owner(command.user_id, tx)
    await store.lock_methods(tx, command.user_id)
    known = await store.list_methods(tx, command.user_id)
    if command.method_id not in [method.method_id for method in known]:
        raise MethodNotFound()
    return await _made_default(tx, command.user_id, command.method_id)


@handlers.heard(user.UserErased)
async def user_erased(event: user.UserErased, tx: Transaction) -> None:
    """Payments, ledger and receipts keep a number only; the person's methods go."""
    await store.delete_methods(tx, event.user_id)


async def token_of(tx: Transaction, payer_id: UserId, method_id: UUID) -> Secret[str]:
    """The provider's token of a saved method of the payer.

    An unknown one is declined like an unknown token: the booking may be paid another way.
    """
    sealed = await store.find_token(tx, payer_id, method_id)
    if sealed is None:
        raise PaymentDeclined(reason="unknown_method")
    return Secret(tx.resource(Keys).unseal(sealed).decode())


async def keep_from_payment(
    job: AuthoriseAtProvider, answer: ProviderAnswer, record: Record, tx: Transaction
) -> None:
    """The payer wants the method kept: at once, or when the customer has confirmed."""
    if not job.save or answer.method is None:
        return
    kept = _kept(tx, record.payment_id, record.payer_id, job.method, answer.method)
    if record.state == "challenge":
        await store.insert_waiting_method(tx, kept, record.payment_id)
    elif record.state in ("authorised", "captured"):
        await _keep(tx, kept)


async def settle_waiting(payment_id: PaymentId, stands: bool, tx: Transaction) -> None:
    """The customer has answered: what waited is kept, or forgotten."""
    kept = await store.take_waiting_method(tx, payment_id)
    if kept is not None and stands:
        await _keep(tx, kept)


async def _keep(tx: Transaction, kept: Kept, make_default: bool = False) -> SavedMethod | None:
    """The method as it is kept, be it from earlier; None where there are too many."""
    await store.lock_methods(tx, kept.user_id)
    known = await store.list_methods(tx, kept.user_id)
    same = await store.find_same(tx, kept.user_id, kept.digest)
    if same is None:
        if len(known) >= store.MOST:
            return None
        await store.insert_method(tx, kept, is_default=not known)
    method_id = same.method_id if same else kept.method_id
    if make_default:
        await store.set_default(tx, kept.user_id, method_id)
    found = await store.list_methods(tx, kept.user_id)
    return next(method for method in found if method.method_id == method_id)


async def _made_default(tx: Transaction, user_id: UserId, method_id: UUID) -> SavedMethods:
    await store.set_default(tx, user_id, method_id)
    return SavedMethods(methods=await store.list_methods(tx, user_id))


def _kept(
    tx: Transaction, method_id: UUID, user_id: UserId, method: Secret[str], shown: MethodShown
) -> Kept:
    keys, clear = tx.resource(Keys), method.value.encode()
    return Kept(
        method_id=method_id,
        user_id=user_id,
        token=keys.seal_own(clear),
        digest=keys.fingerprint(clear),
        shown=shown,
    )


def _check_owner(user_id: UserId, tx: Transaction) -> None:
    if tx.caller.require_user() != user_id:
        raise MethodNotFound()
