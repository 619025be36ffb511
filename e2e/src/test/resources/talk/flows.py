"""Many TCP connections that stay open: each asks once a second, with bytes of its own, and hears the same bytes again; some move much.

flows.py answer PORT ADDRESS...                        echoes until it is ended
flows.py ask PORT CONNECTIONS BULK FROM,... TO,... [CONTROL]
                                                       so many connections, of which BULK send all the time, until standard input ends;
                                                       and 20 more to the address CONTROL, which no gateway is on the way to

Who asks says in a line every 200 ms: connections that are open, that ended or could not begin, answers, wrong answers, the longest
that a question has waited (ms, since the line before), bytes that came back over those that send all the time, the longest that a
question over a control connection has waited (ms). The last line begins with "end": then every question has been answered, or its
connection counts as ended.
"""

import asyncio
import os
import sys
import time

EVERY_S = 1.0
PATIENCE_S = 60
BLOCK = 1 << 15
CONTROLS = 20


async def echo(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def answer(port, addresses):
    for address in addresses:
        await asyncio.start_server(echo, address, port, backlog=4096)
    print("ready", flush=True)
    await asyncio.Event().wait()


class Counts:
    opened = ended = answers = wrong = bulk = 0
    slowest = 0.0


async def ask(counts, stop, own, to, port, is_bulk):
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(to, port, local_addr=(own, 0)), PATIENCE_S)
    except (OSError, asyncio.TimeoutError) as e:
        counts.ended += 1
        print("could not begin:", own, to, repr(e), file=sys.stderr, flush=True)
        return
    counts.opened += 1
    try:
        while not stop.is_set():
            said = os.urandom(BLOCK if is_bulk else 100)
            began = time.monotonic()
            writer.write(said)
            heard = await asyncio.wait_for(reader.readexactly(len(said)), PATIENCE_S)
            counts.slowest = max(counts.slowest, time.monotonic() - began)
            counts.answers += 1
            counts.wrong += heard != said
            counts.bulk += len(heard) if is_bulk else 0
            if not is_bulk:
                await asyncio.sleep(EVERY_S)
        writer.close()
        await writer.wait_closed()
    except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError) as e:
        counts.ended += 1
        print("ended:", own, to, repr(e), file=sys.stderr, flush=True)


def line(counts, control):
    text = f"{counts.opened} {counts.ended} {counts.answers} {counts.wrong} {int(counts.slowest * 1000)} {counts.bulk} {int(control.slowest * 1000)}"
    counts.slowest = control.slowest = 0.0
    return text


async def ask_all(port, connections, bulk, senders, receivers, controlled=None):
    counts, control, stop = Counts(), Counts(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.run_in_executor(None, lambda: (sys.stdin.read(), loop.call_soon_threadsafe(stop.set)))
    tasks = []
    for i in range(CONTROLS if controlled else 0):
        tasks.append(asyncio.create_task(ask(control, stop, "0.0.0.0", controlled, port, False)))
    for i in range(connections):
        own, to = senders[i % len(senders)], receivers[i // len(senders) % len(receivers)]
        tasks.append(asyncio.create_task(ask(counts, stop, own, to, port, i < bulk)))
        if i % 20 == 19:
            await asyncio.sleep(0.05)
    while not stop.is_set():
        await asyncio.sleep(0.2)
        print(line(counts, control), flush=True)
    await asyncio.gather(*tasks)
    print("end", line(counts, control), flush=True)


if sys.argv[1] == "answer":
    asyncio.run(answer(int(sys.argv[2]), sys.argv[3:]))
else:
    asyncio.run(ask_all(int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5].split(","), sys.argv[6].split(","), *sys.argv[7:]))
