"""Saved methods of payment: only the provider's token is kept, sealed, and what may be shown."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from evslot.spine.message import Command, Conflict, Invalid, NotFound, Query, Secret
from evslot.values import UserId


class MethodShown(Struct, frozen=True, kw_only=True):
    """What may be shown of a method, as the provider describes it."""

    kind: Literal["card", "wallet", "credit"]
    brand: str
    last_digits: str
    expires: str | None = None
    """`YYYY-MM`, where it does."""


class SavedMethod(Struct, frozen=True, kw_only=True):
    """A method of payment that can be used again by its id."""

    method_id: UUID
    shown: MethodShown
    is_default: bool
    created_at: datetime


class SavedMethods(Struct, frozen=True, kw_only=True):
    """All saved methods of a person, the default one first."""

    methods: list[SavedMethod]


class SaveMethod(Command[SavedMethod], frozen=True, kw_only=True):
    """Keep a method for later; the provider says what it is. The first one is the default."""

    method_id: UUID
    """Made by the edge from the command id, so that a repeat names the same one."""
    user_id: UserId
    method: Secret[str]
    """The provider's token."""
    make_default: bool = False

    def key(self) -> str:
        return str(self.user_id)


class RemoveMethod(Command[SavedMethods], frozen=True, kw_only=True):
    """Forget a saved method; running payments are not touched. Answers what is left."""

    user_id: UserId
    method_id: UUID

    def key(self) -> str:
        return str(self.user_id)


class SetDefaultMethod(Command[SavedMethods], frozen=True, kw_only=True):
    """The method that is offered first from now on."""

    user_id: UserId
    method_id: UUID

    def key(self) -> str:
        return str(self.user_id)


class ListMethods(Query[SavedMethods], frozen=True, kw_only=True):
    """The caller's saved methods."""

    user_id: UserId

    def key(self) -> str:
        return str(self.user_id)


class MethodNotFound(NotFound):
    """There is no such saved method, or it is not yours."""


class MethodRefused(Conflict):
    """The provider does not know this method; enter it again."""


class TooManyMethods(Conflict):
    """You have saved as many methods as one person can; remove one first."""


class MethodUnclear(Invalid):
    """Name either a provider's token or a saved method, not both."""
