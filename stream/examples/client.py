#!/usr/bin/env python3
"""A client of sylkitd with Python's own library alone.

    arecord -q -f S16_LE -r 16000 -t raw | client.py SOCKET [RATE]

Sends standard input (s16le, mono, 16 kHz or RATE) as frames and prints "START END TOKEN" for each syllable."""
import json
import socket
import sys
import threading


def send(connection, message, payload=b""):
    if payload:
        message["payload_length"] = len(payload)
    connection.sendall(json.dumps(message).encode() + b"\n" + payload)


def send_audio(connection, audio, rate):
    try:
        send(connection, {"type": "audio-start", "rate": rate})
        while piece := audio.read1(3200):  # what has arrived, up to 100 ms
            send(connection, {"type": "audio-chunk"}, piece)
        send(connection, {"type": "audio-stop"})
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server's last message says why


def main(path, rate=16000):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        sender = threading.Thread(target=send_audio, args=(connection, sys.stdin.buffer, int(rate)), daemon=True)
        sender.start()
        for line in connection.makefile("r", encoding="utf-8"):
            message = json.loads(line)
            if message["type"] == "syllable":
                print("%.2f %.2f %s" % (message["start"], message["end"], message["token"]), flush=True)
            elif message["type"] == "error":
                sys.exit("sylkitd: " + message["message"])
            elif message["type"] == "end":
                return
        sys.exit("sylkitd went away")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: client.py SOCKET [RATE]")
    main(*sys.argv[1:])
