"""Visitors whose browsers hand the app what a camera films, without the browsers: ten of them are heavier than the app.

They speak as gradio's page does: they join its queue with a first frame, hear answers as server-sent events, and post
the frames that follow. A frame that the server has not looked at when the next one comes is never looked at.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httpx

EVERY = 0.1
"""Seconds between two frames, as the page has them."""
GLOSS = re.compile(r'<p class="gloss">(.*?)</p>')


async def watched(
    address: str, films: Sequence[tuple[str, Sequence[str]]], reader: str, seconds: float
) -> list[list[str]]:
    """What each visitor reads on the page, in order: a gloss, or the mark where there is none; a refusal in full.

    films: what each visitor waits to be told, and frames as data URLs, shown again and again from the start.
    seconds: after which all leave, unless each of them was told it before.
    """
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        config = (await client.get("/config")).json()
        stream = next(one for one in config["dependencies"] if any(event == "stream" for _, event in one["targets"]))
        waiting = set(range(len(films)))
        visits = [_visit(client, stream["id"], film, reader, seconds, n, waiting) for n, film in enumerate(films)]
        return list(await asyncio.gather(*visits))


async def _visit(
    client: httpx.AsyncClient,
    function: int,
    film: tuple[str, Sequence[str]],
    reader: str,
    seconds: float,
    number: int,
    waiting: set[int],
) -> list[str]:
    session, frames = secrets.token_hex(6), cycle(film[1])

    def asked() -> dict[str, Any]:
        return {"fn_index": function, "session_hash": session, "data": [{"url": next(frames)}, reader, 0.4]}

    event = (await client.post("/gradio_api/queue/join", json=asked())).raise_for_status().json()["event_id"]

    async def send() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        while waiting and loop.time() < begin + seconds:
            await asyncio.sleep(EVERY)
            await client.post(f"/gradio_api/stream/{event}", json=asked())
        await client.post(f"/gradio_api/stream/{event}/close")

    sending, told = asyncio.create_task(send()), []
    async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answers:
        async for line in answers.aiter_lines():
            message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {"msg": ""}
            told += _headlines(message)
            if film[0] in told:
                waiting.discard(number)
            if message["msg"] in ("process_completed", "close_stream"):
                break
    await sending
    return told


def _headlines(message: dict[str, Any]) -> list[str]:
    data = message.get("output", {}).get("data")
    if not isinstance(data, list) or not isinstance(data[0], str):  # between two windows nothing is said
        return []
    gloss = GLOSS.search(data[0])
    return [gloss[1] if gloss else data[0]]
