"""The server of demo.py's page: its address, its start and end, what it reads."""

import json
import socket
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import Request, urlopen

import pytest

from tests.helpers.tiny_run import write_captioner_run
from tests.helpers.web_pages import WebDemo, make_photos


@pytest.fixture(scope="module", autouse=True)
def server():
    """Import gradio, which takes seconds, in the process that runs these tests alone."""
    return pytest.importorskip("ui.web.server", reason="gradio is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_captioner_run(tmp_path_factory.mktemp("runs") / "r")


def test_the_port_is_open_before_the_model_is_loaded(run):
    demo = WebDemo(run)
    with socket.create_connection(("127.0.0.1", demo.port), timeout=5):
        pass
    assert demo.stop() == (0, "", "")


class Visitor:
    """Talks to the page as its own script does, and says what it likes about uploads."""

    def __init__(self, address):
        self.api = f"{address}gradio_api/"
        with urlopen(f"{address}config") as answer:
            config = json.load(answer)
        self.event = next(
            each["id"]
            for each in config["dependencies"]
            if any(event == "upload" for _, event in each["targets"])
        )

    def upload(self, photo):
        """Upload a photo; return its path on the server."""
        head = b'Content-Disposition: form-data; name="files"; filename="a.png"'
        body = b"--x\r\n%b\r\n\r\n%b\r\n--x--\r\n" % (head, photo.read_bytes())
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        with urlopen(Request(f"{self.api}upload", body, headers)) as answer:
            return json.load(answer)[0]

    def caption(self, path):
        """Send the event of an upload with this path; return how it ended."""
        session = uuid.uuid4().hex
        file = {"path": str(path), "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
        event = {
            "data": [[file], None, 3, False, 1, 1],
            "fn_index": self.event,
            "session_hash": session,
        }
        headers = {"Content-Type": "application/json"}
        urlopen(Request(f"{self.api}queue/join", json.dumps(event).encode(), headers)).close()
        with urlopen(f"{self.api}queue/data?session_hash={session}", timeout=30) as lines:
            for line in lines:
                if not line.startswith(b"data:"):
                    continue
                message = json.loads(line.removeprefix(b"data:"))
                if message.get("msg") == "process_completed":
                    return message
        return None


def test_only_uploaded_photos_are_read(run, tmp_path):
    """No other file of the server, and nothing from another server."""
    requests = []

    class OtherServer(BaseHTTPRequestHandler):
        def do_GET(self):
            requests.append(self.path)

    photo = make_photos(tmp_path)[0]
    other = HTTPServer(("127.0.0.1", 0), OtherServer)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    demo = WebDemo(run)
    try:
        visitor = Visitor(demo.address)
        for path in (
            photo,
            "/etc/hostname",
            f"http://127.0.0.1:{other.server_port}/a.png",
            "https://example.org/a.png",
        ):
            message = visitor.caption(path)
            assert message["success"] is False, path
            assert "data" not in message["output"], path
        assert visitor.caption(visitor.upload(photo))["success"] is True
    finally:
        demo.stop()
        other.shutdown()
        other.server_close()
    assert requests == []
