"""A peer of the benchmark: stdin and stdout over python3-websockets.

usage: peer_websockets.py PORT HOST CA
"""

import asyncio
import os
import ssl
import sys

import websockets

BLOCK = 64 * 1024


async def up(ws):
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader(limit=4 * BLOCK)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while piece := await reader.read(BLOCK):
        await ws.send(piece)
    await ws.close()


async def down(ws):
    async for piece in ws:
        while piece:
            piece = piece[os.write(1, piece):]


async def main(port, host, ca):
    async with websockets.connect(f"wss://{host}/bench", host="127.0.0.1", port=int(port), compression=None,
                                  ssl=ssl.create_default_context(cafile=ca), server_hostname=host, max_size=None,
                                  ping_interval=30) as ws:
        sender = asyncio.create_task(up(ws))
        await down(ws)
        sender.cancel()


asyncio.run(main(*sys.argv[1:]))
