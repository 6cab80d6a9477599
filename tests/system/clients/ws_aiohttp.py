"""A viewer with Debian's python3-aiohttp: ws_aiohttp.py URL KEY WINDOW_BITS (0: without compression)"""
import asyncio
import json
import sys

import aiohttp

from viewer import Place, say, stay, until_either

url, key, window_bits = sys.argv[1:]
place = Place()


async def read(socket):
    async for piece in socket:
        if piece.type != aiohttp.WSMsgType.TEXT:
            raise aiohttp.ClientError(f"{piece.type}: {piece.data}")
        message = json.loads(piece.data)
        place.take(message)
        say(message=message)


async def connect(leaving):
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        async with session.ws_connect(url + place.query(), compress=int(window_bits)) as socket:
            say(open=f"{socket.compress} bits" if socket.compress else None)
            if await until_either(read(socket), leaving):
                await socket.close()
            return socket.close_code


asyncio.run(stay(connect, (OSError, aiohttp.ClientError)))
