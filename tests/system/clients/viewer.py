"""What the scripts beside this have in common: they print what they are sent, one line of JSON each, remember how far
they have come, and end when they read a line."""
import asyncio
import json
import sys

RETRY_S = 0.1


def say(**what):
    print(json.dumps(what), flush=True)


class Place:
    """How far the messages of a WebSocket have led: what `since` says after coming back."""

    def __init__(self):
        self.epoch = self.id = None

    def take(self, message):
        if message["event"] == "connected":
            self.epoch = message["data"]["epoch"]
            if self.id is None:
                self.id = message["data"]["head"]
        elif message["event"] == "position":
            self.id = message["data"]["head"]
        elif "id" in message:
            self.id = message["id"]

    def query(self):
        return "" if self.id is None else f"&since={self.epoch}-{self.id}"


async def stay(connect, lost_by):
    """Keeps `connect(leaving)` going, which returns the close code once `leaving` is done, or raises one of `lost_by`."""
    leaving = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    while True:
        try:
            code = await connect(leaving)
            if leaving.done():
                say(closed=code)
                return
            say(lost=f"closed with {code}")
        except lost_by as error:
            say(lost=f"{type(error).__name__}: {error}")
        await asyncio.sleep(RETRY_S)


async def until_either(reading, leaving):
    """Waits for one of both. Returns: whether it is time to leave."""
    reading = asyncio.ensure_future(reading)
    await asyncio.wait([reading, leaving], return_when=asyncio.FIRST_COMPLETED)
    if not leaving.done():
        await reading  # what it raised, if it did
        return False
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    return True
