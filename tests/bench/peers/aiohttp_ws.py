"""A peer of belfry-pushd: aiohttp as Debian has it. The body of each POST goes to all WebSocket clients.

    aiohttp_ws.py PORT
"""
import sys

from aiohttp import web

clients = set()


async def view(request):
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    clients.add(socket)
    try:
        async for _ in socket:
            pass
    finally:
        clients.discard(socket)
    return socket


async def publish(request):
    text = await request.text()
    for socket in list(clients):
        try:
            await socket.send_str(text)
        except ConnectionError:
            clients.discard(socket)
    return web.Response()


app = web.Application()
app.add_routes([web.get("/ws", view), web.post("/pub", publish)])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), backlog=4096, print=None, access_log=None)
