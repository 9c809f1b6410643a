"""What a connection of ours asks of the system."""

import os
import socket
from contextlib import closing

from models.connection import connect


def test_a_server_whose_machine_is_gone_is_noticed_within_a_minute(database_url: str) -> None:
    with closing(connect(database_url)) as connection:
        client = socket.socket(fileno=os.dup(connection.fileno()))
        with closing(client):
            silent = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
            probes = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) * client.getsockopt(
                socket.IPPROTO_TCP, socket.TCP_KEEPCNT
            )
            unanswered_ms = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
    assert 0 < silent + probes <= 60
    assert 0 < unanswered_ms <= 60_000
