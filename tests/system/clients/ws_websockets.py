"""A viewer with Debian's python3-websockets, as it comes: ws_websockets.py URL KEY"""
import asyncio
import json
import sys

import websockets

from viewer import Place, say, stay, until_either

url, key = sys.argv[1:]
place = Place()


async def read(socket):
    async for text in socket:
        message = json.loads(text)
        place.take(message)
        say(message=message)


async def connect(leaving):
    headers = {"Authorization": f"Bearer {key}"}
    async with websockets.connect(url + place.query(), extra_headers=headers) as socket:
        say(open=socket.response_headers.get("Sec-WebSocket-Extensions"))
        if await until_either(read(socket), leaving):
            await socket.close()
        return socket.close_code


asyncio.run(stay(connect, (OSError, websockets.WebSocketException)))
