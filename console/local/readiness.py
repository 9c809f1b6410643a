"""Does a Kafka broker answer? One Metadata request by hand, because clients want an event loop."""

import socket
import struct

METADATA, VERSION, CORRELATION_ID = 3, 4, 7
CLIENT = b"spendgate-ready"


def serves(host: str, port: int) -> bool:
    """True when the broker knows of a broker, that is of itself: its registration with the controller is done."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(_request())
            size = struct.unpack(">i", _read(connection, 4))[0]
            correlation_id, _throttle_ms, brokers = struct.unpack(">iii", _read(connection, size)[:12])
    except (OSError, EOFError, struct.error):
        return False
    return bool(correlation_id == CORRELATION_ID and brokers > 0)


def _request() -> bytes:
    header = struct.pack(">hhih", METADATA, VERSION, CORRELATION_ID, len(CLIENT)) + CLIENT
    body = struct.pack(">i?", 0, False)  # no topics, create none
    return struct.pack(">i", len(header + body)) + header + body


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data
