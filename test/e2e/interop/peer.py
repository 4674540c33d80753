#!/usr/bin/python3
"""A WebSocket server on python3-websockets, for interop_test.py.

usage: peer.py [--tls CERT KEY]     prints "port N", then a line of JSON for each session that ended

The end of the path says what a session does: .../echo, .../source/SIZE/MESSAGE,
.../sink, .../tcp/PORT (a bridge to a port of this machine); a last part ".ID" is
repeated in the line.  The library's own settings are left alone.
"""

import asyncio
import hashlib
import json
import ssl
import sys

import websockets


def pattern(size):
    """The bytes that a source sends."""
    block = hashlib.shake_128(b"interop").digest(1_000_003)
    return (block * (size // len(block) + 1))[:size]


async def echo(ws, count):
    async for message in ws:
        count(message)
        await ws.send(message)


async def sink(ws, count):
    async for message in ws:
        count(message)


async def source(ws, size, message):
    data = pattern(size)
    for i in range(0, size, message):
        await ws.send(data[i:i + message])


async def tcp(ws, port, count):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def down():
        while data := await reader.read(65536):
            await ws.send(data)
        await ws.close(1000)

    task = asyncio.ensure_future(down())
    try:
        async for message in ws:
            count(message)
            writer.write(message)
            await writer.drain()
    finally:
        writer.close()
        await asyncio.wait([task])


async def serve(ws, path=None):
    path = path or getattr(ws, "path", None) or ws.request.path
    path, _, ident = path.partition("?")[0].rpartition(".")
    what, *args = path.split("/interop/")[1].split("/")
    total, digest = 0, hashlib.sha256()

    def count(message):
        nonlocal total
        total += len(message)
        digest.update(message)

    try:
        if what == "echo":
            await echo(ws, count)
        elif what == "sink":
            await sink(ws, count)
        elif what == "source":
            await source(ws, int(args[0]), int(args[1]))
        elif what == "tcp":
            await tcp(ws, int(args[0]), count)
        await ws.close(1000)
    except websockets.ConnectionClosed:
        pass
    await ws.wait_closed()
    print(json.dumps({"id": ident, "bytes": total, "sha256": digest.hexdigest(), "code": ws.close_code}), flush=True)


async def main():
    context = None
    if sys.argv[1:2] == ["--tls"]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*sys.argv[2:4])
    server = await websockets.serve(serve, "127.0.0.1", 0, ssl=context)
    print("port", next(iter(server.sockets)).getsockname()[1], flush=True)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(main())
