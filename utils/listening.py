"""Addresses that servers on this machine listen on: which are free, and who can reach them."""

import ipaddress
import os
import socket

from utils.errors import UserError

PORTS_TO_TRY = 50
BACKLOG = 128  # connections that the system holds until the server accepts them


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name, which may be anywhere
        return False


def check_address(host: str, port: int) -> None:
    """Reject an IPv4 address that this machine cannot serve; suggest a free port."""
    _open(host, port, socket.AF_INET).close()


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; port 0 takes a free one.

    If this machine cannot serve the address, a free port is suggested.
    """
    return _open(host, port, socket.AF_UNSPEC)


def _open(host: str, port: int, family: int) -> socket.socket:
    try:
        return _listen(host, port, family)
    except OSError as error:
        message = f"--port {port} is not available on {host} ({_describe(error)})"
        is_unknown = isinstance(error, socket.gaierror)
    if not is_unknown:
        for other in range(port + 1, min(port + PORTS_TO_TRY, 65536)):
            if _is_free(host, other, family):
                raise UserError(f"{message}; try --port {other}")
    raise UserError(f"{message}; choose another --host or --port")


def _is_free(host: str, port: int, family: int) -> bool:
    try:
        _listen(host, port, family).close()
    except OSError:
        return False
    return True


def _listen(host: str, port: int, family: int) -> socket.socket:
    # Looked up here for its error message.
    found = socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
    first_family, _, _, _, address = found[0]
    return socket.create_server(address, family=first_family, backlog=BACKLOG)


def _describe(error: OSError) -> str:
    """Return the reason in the system's own words."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return (error.strerror or str(error)).lower()
    return os.strerror(error.errno).lower()
