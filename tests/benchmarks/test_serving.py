"""The benchmark of serve.py, against a server that answers at once."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks import serving
from tests.helpers.scripts import run_command


class Handler(BaseHTTPRequestHandler):
    """Answers 200, or 422 to the bad photo."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.send_response(422 if body == serving.BAD_PHOTO else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.bodies = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.address = f"http://127.0.0.1:{server.server_port}"
        yield server
        server.shutdown()


def test_clients_in_turn_send_all_photos(server):
    """Each client: one that sent bad photos alone would be answered faster than the others."""
    photos = [b"a", b"b", serving.BAD_PHOTO]
    load = serving.send_in_turn(server.address, photos, clients=3, seconds=0.2)
    assert set(server.bodies) == set(photos)
    assert load.statuses[422] / load.statuses.total() == pytest.approx(1 / 3, abs=0.05)
    assert load.statuses.total() == len(load.latencies) == len(server.bodies)
    assert load.rate == load.statuses[200] / load.duration


def test_photos_at_random_have_their_rate(server):
    load = serving.send_at_random(server.address, [b"a"], rate=200, seconds=0.5)
    assert 50 < load.statuses[200] < 150
    assert 0.4 < load.duration < 5


def test_latencies_are_those_of_a_share_of_the_answers():
    load = serving.Load({}, [seconds / 100 for seconds in range(100, 0, -1)], 1)
    assert load.find_latency(0.5) == 0.51
    assert load.find_latency(0.99) == 1.0
    assert load.find_latency(1) == 1.0


def test_a_folder_without_photos_is_rejected(tmp_path):
    done = run_command(serving, "--run", "r", "--photos", tmp_path)
    assert done.status == 1
    assert "no JPEG files" in done.error
