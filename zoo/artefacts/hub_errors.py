"""One line for whatever goes wrong between here and the Hub: what was wanted, what happened, what to do."""

import errno
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")

LOG_IN: Final = "log in with `hf auth login` or set HF_TOKEN"
BUSY: Final = (408, 429, 500, 502, 503, 504)
WAITS: Final = (1, 2, 4, 8)
"""Seconds between tries; the Hub's own Retry-After goes before."""
LONGEST_WAIT: Final = 120


class HubError(ValueError):
    """Something that went wrong with the Hub, in one line. `unreachable`: trying again later may help."""

    def __init__(self, message: str, unreachable: bool = False) -> None:
        super().__init__(message)
        self.unreachable = unreachable


@contextmanager
def told(where: str) -> Iterator[None]:
    """Raise HubError, which starts with `where`, for errors of huggingface_hub, its HTTP library and the system."""
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except HubError:
        raise
    except (json.JSONDecodeError, LookupError, TypeError, AttributeError) as error:  # no JSON, or not the Hub's
        raise HubError(
            f"{where}: {constants.ENDPOINT} does not answer as a Hub; check HF_ENDPOINT and proxies"
        ) from error
    except (OSError, HFValidationError, RuntimeError, http().HTTPError) as error:
        root = _root(error)
        busy = isinstance(root, HfHubHTTPError) and _status(root) in BUSY
        unreachable = busy or _cut_short(root) or isinstance(root, http().TransportError)
        later = "; try again later" if unreachable and not _is_connecting(root) else ""
        raise HubError(f"{where}: {_reason(root)}{later}", unreachable) from None


def persistently(where: str, call: Callable[[], Answer]) -> Answer:
    """What `call` returns, tried again after what passes: a busy server, a connection that broke.

    huggingface_hub does so itself for part of its requests; what it gave up on is not tried again here.
    """
    for wait in (*WAITS, None):
        try:
            return call()
        except Exception as error:
            seconds = _asked_to_wait(error) or wait
            if wait is None or seconds is None or seconds > LONGEST_WAIT or not _passes(error):
                raise
            print(f"zoo: {where}: {_reason(error)}; trying again in {seconds} s", file=sys.stderr)
            time.sleep(seconds)
    raise AssertionError


def http() -> Any:
    """The HTTP library under huggingface_hub: httpx2, and httpx before its version 2."""
    from huggingface_hub.errors import HfHubHTTPError

    return importlib.import_module(HfHubHTTPError.__bases__[0].__module__.partition(".")[0])


def _passes(error: BaseException) -> bool:
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return _status(error) in BUSY
    if isinstance(error, http().TransportError):
        return not isinstance(error, http().ConnectError | http().ProxyError | http().UnsupportedProtocol)
    return isinstance(error, OSError) and _cut_short(error)


def _cut_short(error: BaseException) -> bool:
    return "Consistency check failed" in str(error)


def _status(error: Any) -> int:
    return int(error.response.status_code)


def _asked_to_wait(error: Any) -> int | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    value = headers.get("retry-after", "")
    return int(value) if value.isdecimal() else None


def _root(error: BaseException) -> BaseException:
    """The error that says most: huggingface_hub wraps some in one that it is not in the cache either."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    while isinstance(error, LocalEntryNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _reason(error: BaseException) -> str:
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    if isinstance(error, GatedRepoError):
        page = f"{constants.ENDPOINT}/{getattr(error, 'repo_id', None) or ''}"
        return f"gated; accept its terms at {page}, then {LOG_IN}"
    if isinstance(error, RepositoryNotFoundError):
        return f"no such repository, or a private one that you may not read; check the name, or {LOG_IN}"
    if isinstance(error, RevisionNotFoundError):
        return "no such branch, tag or commit in this repository"
    if isinstance(error, HfHubHTTPError):
        return _answer(error)
    if isinstance(error, http().TransportError):
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        if _is_connecting(error):
            return f"{constants.ENDPOINT} could not be reached ({detail}); check the network"
        if isinstance(error, http().TimeoutException):
            return f"{constants.ENDPOINT} did not answer in time ({detail})"
        return f"{constants.ENDPOINT} broke off the connection ({detail})"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk of {constants.HF_HUB_CACHE} is full; make room, or set HF_HOME to a folder on another disk; "
            "what was downloaded whole stays"
        )
    if isinstance(error, PermissionError):
        return f"{error.filename or constants.HF_HUB_CACHE} may not be written; set HF_HOME to a folder of yours"
    if _cut_short(error):
        return "the download ended early"
    return " ".join(str(error).split()) or type(error).__name__


def _is_connecting(error: BaseException) -> bool:
    return isinstance(error, http().ConnectError | http().ConnectTimeout | http().ProxyError)


def _answer(error: Any) -> str:
    status, said = _status(error), " ".join((error.server_message or "").split())
    if status == 401:
        return f"the Hub does not accept the token; {LOG_IN}"
    if status == 403:
        return f"the Hub forbids it ({said or 'no reason given'}); {LOG_IN} as somebody who may"
    if status == 429:
        wait = _asked_to_wait(error)
        return f"too many requests (with a token more are allowed); the Hub asks to wait{f' {wait} s' if wait else ''}"
    if status >= 500:
        return f"the Hub is out of order (status {status})"
    return f"the Hub answers {status}{f': {said}' if said else ''}"
