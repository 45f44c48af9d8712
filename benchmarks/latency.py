"""A way to a server that is longer than it is: what is sent to it arrives later, as over a network.

Run as ``python -m benchmarks.latency SERVER LISTEN SECONDS``; both ends are UNIX sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

_PIECE_BYTES = 2**18
_START_SECONDS = 10.0


@contextlib.contextmanager
def delayed(uri: str, socket: Path, seconds: float) -> Iterator[str]:
    """Give the URI of a server on a UNIX socket, over a way that takes so many seconds more there and back.

    Parameters
    ----------
    uri : str
        The server's.
    socket : pathlib.Path
        Where the way begins.
    seconds : float
        How much later each question arrives.
    """
    parts = urlsplit(uri)
    socket.unlink(missing_ok=True)
    command = [sys.executable, "-m", __name__, unquote(parts.netloc), str(socket), str(seconds)]
    with subprocess.Popen(command, cwd=Path(__file__).parents[1]) as process:
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not socket.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            yield urlunsplit(parts._replace(netloc=quote(str(socket), safe="")))
        finally:
            process.terminate()


async def _serve(server: str, listen: str, seconds: float) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_unix_connection(server)
        await asyncio.gather(_pass_on_later(reader, to_writer, seconds), _pass_on(to_reader, writer))

    async with await asyncio.start_unix_server(connected, listen) as waiting:
        await waiting.serve_forever()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.closing(writer):
        while piece := await reader.read(_PIECE_BYTES):
            writer.write(piece)
            await writer.drain()


async def _pass_on_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    """Pass on each piece when its time has come; pieces on their way do not wait for each other."""
    on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        with contextlib.closing(writer):
            while True:
                due, piece = await on_the_way.get()
                if not piece:
                    return
                await asyncio.sleep(due - time.monotonic())
                writer.write(piece)
                await writer.drain()

    delivering = asyncio.create_task(deliver())
    while piece := await reader.read(_PIECE_BYTES):
        on_the_way.put_nowait((time.monotonic() + seconds, piece))
    on_the_way.put_nowait((0.0, b""))
    await delivering


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], float(sys.argv[3])))
