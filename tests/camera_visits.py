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
LATENCY = re.compile(r"Answered (\d+\.\d+) s after")


async def watched(address: str, films: Sequence[Sequence[str]], reader: str, seconds: float) -> list[list[Any]]:
    """What each visitor is told, in order: glosses or marks, with their latencies in seconds; an answer that is no
    sighting as it is.

    films: one for each visitor, of frames as data URLs, shown again and again from the start.
    """
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:
        config = (await client.get("/config")).json()
        stream = next(one for one in config["dependencies"] if any(event == "stream" for _, event in one["targets"]))
        visits = [_visit(client, stream["id"], film, reader, seconds) for film in films]
        return list(await asyncio.gather(*visits))


async def _visit(
    client: httpx.AsyncClient, function: int, film: Sequence[str], reader: str, seconds: float
) -> list[Any]:
    session, frames = secrets.token_hex(6), cycle(film)

    def asked() -> dict[str, Any]:
        return {"fn_index": function, "session_hash": session, "data": [{"url": next(frames)}, reader, 0.4]}

    event = (await client.post("/gradio_api/queue/join", json=asked())).raise_for_status().json()["event_id"]

    async def send() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        for number in range(1, round(seconds / EVERY)):
            await asyncio.sleep(max(0.0, begin + number * EVERY - loop.time()))
            await client.post(f"/gradio_api/stream/{event}", json=asked())
        await client.post(f"/gradio_api/stream/{event}/close")

    sending, told = asyncio.create_task(send()), []
    async with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as answers:
        async for line in answers.aiter_lines():
            message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {"msg": ""}
            told += _sightings(message)
            if message["msg"] in ("process_completed", "close_stream"):
                break
    await sending
    return told


def _sightings(message: dict[str, Any]) -> list[Any]:
    if "output" not in message:
        return []
    data = message["output"].get("data")
    if not isinstance(data, list) or not isinstance(data[0], str):
        return []
    gloss, latency = GLOSS.search(data[0]), LATENCY.search(data[1])
    return [(gloss[1], float(latency[1]))] if gloss and latency else [data[0]]
