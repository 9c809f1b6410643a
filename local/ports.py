"""Free and busy TCP ports of 127.0.0.1."""

import socket

from local.service_errors import PortBusy

HOST = "127.0.0.1"


def choose_port(wanted: int, service: str) -> int:
    """`wanted` when it is free; for 0 any free one. Raises PortBusy, in whose message `service` stands."""
    with socket.socket() as probe:
        # As the servers do: a port whose last connections are only winding down counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except (OSError, OverflowError) as error:
            raise PortBusy(service, wanted) from error
        return int(probe.getsockname()[1])
