"""A viewer of Server-Sent Events with Debian's python3-aiohttp: sse_aiohttp.py URL KEY"""
import asyncio
import json
import sys

import aiohttp

from viewer import say, stay, until_either

url, key = sys.argv[1:]
last_id = None


async def read(response):
    global last_id
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name == "id":
            last_id = value
        elif name == "data":
            say(message=json.loads(value))


async def connect(leaving):
    headers = {"Authorization": f"Bearer {key}", **({"Last-Event-ID": last_id} if last_id else {})}
    for_ever = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(headers=headers, timeout=for_ever, raise_for_status=True) as session:
        async with session.get(url) as response:
            say(open=response.content_type)
            await until_either(read(response), leaving)


asyncio.run(stay(connect, (OSError, aiohttp.ClientError)))
