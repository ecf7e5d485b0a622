"""One tab's traffic: commands in, training, messages out, never faster than the page draws."""

import asyncio
import json
from time import perf_counter

from skreg.playground.session import Session

FRAMES_UNDERWAY = 2  # sent and not yet drawn: one is drawn while the next is made
_SHORTEST = 1 / 60  # seconds between two frames
MAX_WAITING = 16  # commands taken and not yet done; more are left with the connection
MAX_COMMAND = 6_000_000  # bytes: a CSV file in JSON, every character of it escaped


class Pump:
    """Joins a session to a connection.

    The page acknowledges each frame when it has drawn it. While `FRAMES_UNDERWAY` are not yet
    acknowledged nothing more is trained, so that no queue grows anywhere and what is seen is what
    is, however long the run and however slow the page.

    Parameters
    ----------
    send : coroutine function of bytes
    in_thread : coroutine function of (function, *arguments)
        Where training is done; the event loop stays free.
    """

    def __init__(self, send, in_thread):
        self.send, self.in_thread = send, in_thread
        self.commands, self.underway = [], 0
        self.woken, self.emptied = asyncio.Event(), asyncio.Event()

    async def has_room(self):
        """Wait until few enough commands wait for another to be taken."""
        while len(self.commands) >= MAX_WAITING:
            self.emptied.clear()
            await self.emptied.wait()

    def take(self, text):
        """Note a command or an acknowledgement of the page.

        Raises
        ------
        ValueError
            If it is neither.
        """
        command = json.loads(text)
        if not isinstance(command, dict) or not isinstance(command.get("do"), str):
            raise ValueError("a command is an object with a string under 'do'")
        if command["do"] == "drawn":
            self.underway = max(0, self.underway - 1)
        else:
            self.commands.append(command)
        self.woken.set()

    async def run(self):
        """Work until canceled, or until a command makes no sense (ValueError, TypeError)."""
        session = await self.in_thread(Session)
        while True:
            started = perf_counter()
            commands, self.commands = self.commands, []
            self.emptied.set()
            for command in commands:
                for message in await self.in_thread(session.handle, command):
                    await self._deliver(message)
            if session.has_work and self.underway < FRAMES_UNDERWAY:
                for message in await self.in_thread(session.advance):
                    await self._deliver(message)
                await asyncio.sleep(max(0.0, _SHORTEST - (perf_counter() - started)))
            elif not self.commands:
                self.woken.clear()
                await self.woken.wait()

    async def _deliver(self, message):
        self.underway += is_acknowledged(message)
        await self.send(message)


def is_acknowledged(message):
    """Whether the page says when it has drawn a message."""
    return message.startswith((b'{"kind":"frame"', b'{"kind":"sweep"'), 4)
