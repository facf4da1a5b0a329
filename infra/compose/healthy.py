"""A container's health check: `python -m infra.compose.healthy PATH` ends with 0 when that answers 200 here."""

import socket
import sys

_PORT, _SECONDS = 8000, 3.0


def answers(path: str, *, port: int = _PORT) -> bool:
    """Ask by hand: Docker starts this every few seconds, and an HTTP library takes longer to load than to use."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
            connection.sendall(request)
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(not answers(sys.argv[1]))
