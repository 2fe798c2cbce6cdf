"""Mails to people about their own account."""

from typing import Any

from evslot.services.notification import messages as notification
from evslot.services.user import store
from evslot.spine.message import Personal
from evslot.spine.transaction import Transaction


def send_notice(tx: Transaction, person: store.Addressee, **said: Any) -> None:
    """To the address as it was read, in the person's language; `said` is the rest of the mail."""
    tx.send(
        notification.SendAccountNotice(
            email=Personal(person.email),
            language=person.language,
            happened_at=tx.now,
            name=Personal(person.name) if person.name else None,
            **said,
        )
    )
