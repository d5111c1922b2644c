"""Addresses that servers listen on."""

import re
import socket

import pytest

from utils import listening
from utils.errors import UserError


def test_for_a_taken_port_a_free_one_is_suggested():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"--port {port} .*127\.0\.0\.1.*use") as caught:
            listening.check_address("127.0.0.1", port)
    suggested = int(re.search(r"try --port (\d+)$", str(caught.value))[1])
    listening.check_address("127.0.0.1", suggested)


def test_an_unknown_host_is_rejected():
    with pytest.raises(UserError, match=r"nonsense\.invalid \(.*(known|resolution).*--host"):
        listening.check_address("nonsense.invalid", 7860)


def test_a_listener_takes_connections():
    with listening.open_listener("127.0.0.1", 0) as listener:
        socket.create_connection(listener.getsockname(), timeout=5).close()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("localhost", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("localhost.example.com", False),
    ],
)
def test_only_this_machine_reaches_a_loopback_address(host, expected):
    assert listening.is_loopback(host) is expected
