"""Asks the servers that `up` runs on this machine over HTTP."""

import urllib.request
from http.client import HTTPResponse

# Past the proxy that the environment may name: this machine is nothing to ask it about.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def opened(address: str, seconds: float) -> HTTPResponse:
    """The answer from an address on this machine; raises OSError, HTTPError for a refusal."""
    answer: HTTPResponse = _OPENER.open(address, timeout=seconds)
    return answer
