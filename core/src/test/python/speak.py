"""Speaks the wire of Portcullis with the protobuf code that grpc_tools generates for Python.

Usage: speak.py PROTO-FOLDER PORT COUNT

Connects to a worker as io/0, sends COUNT packets, takes them back and checks every byte: fields, re-serialisation, and that the tag
stands in front of the packet even when it is 0. Prints "spoke COUNT" when all is well.
"""
import importlib
import os
import queue
import sys
import tempfile

import grpc
from grpc_tools import protoc

protos, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
out = tempfile.mkdtemp()
if protoc.main(["", "-I" + protos, "--python_out=" + out, "packet_link.proto"]) != 0:
    sys.exit("packet_link.proto does not compile")
sys.path.insert(0, out)
pb = importlib.import_module("packet_link_pb2")

IO, WORKER = 1 << 24, 2 << 24
to_send = queue.Queue()


def batch(**fields):
    return pb.PacketBatch(
        source=IO, destination=WORKER, source_generation=5, destination_generation=generation, **fields
    ).SerializeToString()


channel = grpc.insecure_channel("127.0.0.1:" + port)
call = channel.stream_stream("/portcullis.link.v1.PacketLink/Exchange")(
    iter(to_send.get, None),
    metadata=[
        ("portcullis-version", "1"),
        ("portcullis-module", "io/0"),
        ("portcullis-lane", "0"),
        ("portcullis-peer-lane", "0"),
        ("portcullis-generation", "5"),
        ("portcullis-ports", "lan=0"),
    ],
)
answer = dict(call.initial_metadata())
assert answer["portcullis-module"] == "worker/0", answer
generation = int(answer["portcullis-generation"])
to_send.put(batch(kind=pb.RESUME))
packets = [
    pb.Packet(capture_time_ns=1000 + i, number=i + 1, v_low=i, tag=0, data=bytes([0x45]) + bytes([i % 256]) * (20 + i % 50))
    for i in range(count)
]
for at in range(0, count, 100):
    to_send.put(batch(sequence=at // 100 + 1, packets=packets[at : at + 100]))
got = []
acknowledged = 0
for raw in call:
    message = pb.PacketBatch.FromString(raw)
    assert message.SerializeToString() == raw, "written again, the batch has other bytes"
    acknowledged = max(acknowledged, message.acknowledged)
    for packet in message.packets:
        bytes_of_packet = packet.SerializeToString()
        assert packet.HasField("tag") and packet.tag == 0
        # the patent's (0, packet): field 14, fixed32 0, right in front of field 15
        assert bytes_of_packet[-len(packet.data) - 7 : -len(packet.data) - 2] == b"\x75\0\0\0\0"
        got.append(packet)
    if message.sequence:
        to_send.put(batch(kind=pb.ACKNOWLEDGE, acknowledged=message.sequence))
    if len(got) >= count and acknowledged >= (count + 99) // 100:
        break
assert [p.number for p in got] == [p.number for p in packets], "order"
for sent, back in zip(packets, got):
    assert sent.data == back.data and sent.capture_time_ns == back.capture_time_ns and sent.v_low == back.v_low
to_send.put(None)
call.cancel()
print("spoke", len(got), flush=True)
# grpc waits for a lock that a thread of its own no longer gives back, when it tidies up a call while the interpreter ends
os._exit(0)
