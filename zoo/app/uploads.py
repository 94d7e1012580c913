"""What a visitor may hand in: how long a text, how large and how long a video. Each refusal says the limit."""

import json
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from datamodules.media.timing import measure

CHARACTERS: Final = 500
"""Of a text."""
MEGABYTES: Final = 50
"""Of a file."""
SECONDS: Final = 60.0
"""Of a video."""
MEGABYTE: Final = 1_000_000
BODY: Final = 4 * MEGABYTE
"""Bytes of a request that hands in no file; a frame of a camera is one."""
SLACK: Final = 10_000
"""Bytes of an upload beside its file."""
HEARD: Final = 4 * MEGABYTES * MEGABYTE
"""Bytes up to which what is refused is heard out, for browsers do not read an answer before they have sent all."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def text(given: object, characters: int = CHARACTERS) -> str:
    """The text that was handed in, stripped. Raises ValueError for none, and for one that is too long."""
    if not isinstance(given, str) or not (found := given.strip()):
        raise ValueError("There is no text yet: write some, then ask again.")
    if len(found) > characters:
        raise ValueError(
            f"This text has {len(found):,} characters, and this page takes {characters:,} at once: "
            "hand it in piece by piece."
        )
    return found


def video(given: object, seconds: float = SECONDS) -> Path:
    """The path of the video that was handed in. Raises ValueError for none, for what is no video whatever it is
    called, and for one that is too large or too long."""
    if not isinstance(given, str):
        raise ValueError("There is no video yet: choose a file, or record one.")
    path = Path(given)
    size = path.stat().st_size
    if size > MEGABYTES * MEGABYTE:
        raise ValueError(
            f"{path.name} has {size / 1e6:.0f} MB, and this page takes {MEGABYTES} MB: cut it, or make it smaller."
        )
    try:
        timing = measure(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path.name} is no video that can be read: choose an .mp4 or .webm.") from error
    if not timing.stored:
        raise ValueError(f"{path.name} has no frames: choose another video.")
    if (length := timing.total / timing.fps) > seconds:
        raise ValueError(
            f"{path.name} lasts {timedelta(seconds=round(length))}, and this page takes {seconds:.0f} seconds: cut it."
        )
    return path


class Door:
    """Middleware that every request goes through: what is too large is refused before it is read, and nobody can have
    the server fetch an address of the web for them, as gradio would."""

    def __init__(self, app: Callable[[Message, Receive, Send], Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path, headers = str(scope["path"]), dict(scope["headers"])
            if any(f"/{word}=http" in path for word in ("file", "proxy")):
                return await _refuse(send, 403, "This page serves its own files alone.")
            if b"transfer-encoding" in headers:
                return await _refuse(send, 411, "Say first how long it is: this page takes no more than it was told.")
            upload = path.endswith("/upload")
            limit, what = (MEGABYTES * MEGABYTE + SLACK, "") if upload else (BODY, " without a file")
            if (length := int(headers.get(b"content-length", 0))) > limit:
                while length < HEARD and (await receive()).get("more_body"):
                    pass
                return await _refuse(
                    send, 413, f"This is too large: this page takes {limit // MEGABYTE} MB at once{what}."
                )
            if scope["method"] == "POST" and not upload:
                body = await _whole(receive)
                try:
                    json.loads(body or b"{}", object_hook=_refuse_addresses)
                except PermissionError as error:
                    return await _refuse(send, 403, str(error))
                except (ValueError, RecursionError):
                    return await _refuse(send, 400, "This is no JSON that this page understands.")
                receive = _replayed(body, receive)
        return await self.app(scope, receive, send)


async def _whole(receive: Receive) -> bytes:
    body, more = bytearray(), True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What was read already, and after that what still comes."""
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed


def _refuse_addresses(found: dict[str, Any]) -> dict[str, Any]:
    if str(found.get("path")).lower().startswith(("http:", "https:")):
        raise PermissionError("This page fetches nothing from the web: hand in the file itself.")
    return found


async def _refuse(send: Send, status: int, said: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": said.encode()})
