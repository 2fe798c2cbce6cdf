"""Turns requests about caught mails into pages and JSON; everything from a mail is escaped."""

import json
from dataclasses import asdict, dataclass, field
from html import escape
from urllib.parse import parse_qs, quote, urlsplit

from evslot.embedded.mailbox import Mail, Mailbox

# Codes to sign in lie here: nothing may be loaded, framed or run, and no script exists at all.
PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A mail's own HTML: no script, no network, an origin of its own; links open in a new tab.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
)
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
table { width: 100%; border-collapse: collapse }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8884;
         overflow-wrap: anywhere; vertical-align: top }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid #8884 }
iframe { width: 100%; height: 36rem; border: 1px solid #8884; background: #fff }
"""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer over HTTP."""

    content: bytes
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def answer(mailbox: Mailbox, method: str, target: str) -> Page:
    """The page or the JSON for a request."""
    url = urlsplit(target)
    parts = [part for part in url.path.split("/") if part]
    try:
        match method, parts:
            case "GET", []:
                return _page("Mails", _list(mailbox.newest()))
            case "GET", ["healthz"]:
                return Page(b"ok\n", "text/plain; charset=utf-8")
            case "GET", ["api", "messages"]:
                return _json_list(mailbox, parse_qs(url.query))
            case "DELETE", ["api", "messages"]:
                mailbox.clear()
                return Page(b"", status=204)
            case "GET", ["api", "messages", number]:
                return _json(_details(mailbox, _whole(number)))
            case "GET", ["messages", number]:
                return _page(*_mail(mailbox, _whole(number)))
            case "GET", ["messages", number, "raw"]:
                return Page(mailbox.raw(_whole(number)), "text/plain; charset=utf-8")
            case "GET", ["messages", number, "html"]:
                return _html_of(mailbox, _whole(number))
            case "GET", ["messages", number, "attachments", index]:
                return _attachment(mailbox, _whole(number), _whole(index))
    except KeyError:
        return Page(b"There is no such mail.\n", "text/plain; charset=utf-8", 404)
    return Page(b"There is no such page.\n", "text/plain; charset=utf-8", 404)


def _whole(text: str) -> int:
    """A small whole number; anything else names no mail."""
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise KeyError(text)
    return int(text)


def _page(title: str, body: str) -> Page:
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return Page(html.encode(), headers={"Content-Security-Policy": PAGE_POLICY})


def _list(mails: list[Mail]) -> str:
    if not mails:
        return "<p>No mail yet. What the system sends shows here; reload the page to look.</p>"
    head = "<tr><th>Received</th><th>To</th><th>Subject</th></tr>"
    rows = "".join(
        f"<tr><td>{escape(mail.received_at[:19].replace('T', ' '))}</td>"
        f"<td>{escape(', '.join(mail.recipients))}</td>"
        f'<td><a href="/messages/{mail.number}">{escape(mail.subject or "(no subject)")}</a></td>'
        "</tr>"
        for mail in mails
    )
    return f"<table>{head}{rows}</table>"


def _mail(mailbox: Mailbox, number: int) -> tuple[str, str]:
    mail = mailbox.get(number)
    facts = {
        "From": mail.sender,
        "To": ", ".join(mail.recipients),
        "Received": mail.received_at,
        "Message-ID": mail.message_id,
    }
    rows = "".join(f"<tr><th>{k}</th><td>{escape(v)}</td></tr>" for k, v in facts.items())
    links = "".join(
        f'<li><a href="/messages/{number}/attachments/{index}" download>{escape(name)}</a></li>'
        for index, name in enumerate(mail.attachments)
    )
    text, html = mailbox.text(number), mailbox.html(number)
    body = f'<p><a href="/">All mails</a></p><table>{rows}</table>'
    if text is not None:
        body += f"<h2>Text</h2><pre>{escape(text)}</pre>"
    if html is not None:
        body += (
            f'<h2>HTML</h2><iframe title="HTML of the mail" src="/messages/{number}/html" '
            'sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>'
        )
    if links:
        body += f"<h2>Attachments</h2><ul>{links}</ul>"
    body += f'<p><a href="/messages/{number}/raw">As it came</a></p>'
    return mail.subject or "(no subject)", body


def _html_of(mailbox: Mailbox, number: int) -> Page:
    html = mailbox.html(number)
    if html is None:
        raise KeyError(number)
    content = '<base target="_blank">' + html
    return Page(content.encode(), headers={"Content-Security-Policy": MAIL_POLICY})


def _attachment(mailbox: Mailbox, number: int, index: int) -> Page:
    attachment = mailbox.attachment(number, index)
    # Always a download, whatever type the mail claims: shown here it would be of our origin.
    disposition = f"attachment; filename*=UTF-8''{quote(attachment.name, safe='')}"
    headers = {"Content-Disposition": disposition, "Content-Security-Policy": MAIL_POLICY}
    return Page(attachment.content, "application/octet-stream", headers=headers)


def _json_list(mailbox: Mailbox, query: dict[str, list[str]]) -> Page:
    to = query["to"][0] if "to" in query else None
    mails = mailbox.newest(to)
    if "limit" in query:
        mails = mails[: _whole(query["limit"][0])]
    return _json({"messages": [asdict(mail) for mail in mails]})


def _details(mailbox: Mailbox, number: int) -> dict[str, object]:
    return {
        **asdict(mailbox.get(number)),
        "headers": mailbox.headers(number),
        "text": mailbox.text(number),
        "html": mailbox.html(number),
    }


def _json(value: object) -> Page:
    return Page(json.dumps(value).encode(), "application/json")
