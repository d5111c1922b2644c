"""serve.py: what it rejects at once, and a server in a process of its own."""

import json
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from huggingface_hub import InferenceClient
from PIL import Image

import predict
import serve
from benchmarks.server_process import ServeProcess
from data.scenes import dataset as scenes
from tests.helpers.scripts import run_command
from tests.helpers.tiny_run import write_captioner_run, write_classifier_run
from utils import runs

TOKEN = "abcdefgh-12345678"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_captioner_run(tmp_path_factory.mktemp("runs") / "r")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Return the paths of some photos."""
    folder = tmp_path_factory.mktemp("photos")
    scenes.write_scenes(folder, train=12, val=1, test=1, seed=3)
    return sorted(folder.glob("photos/*.jpg"))


@pytest.mark.parametrize(
    ("words", "status", "error"),
    [
        (["--port", "99999"], 2, "--port must be at least 0 and at most 65535 (got 99999)"),
        (["--batch", "0"], 2, "--batch must be at least 1"),
        (["--host", "0.0.0.0"], 2, "--host 0.0.0.0 can be reached from other machines"),
        (["--token", "short"], 2, "--token must have at least 16"),
        (["--token", TOKEN, "--token-file", "x"], 2, "--token and --token-file"),
        (["--token-file", "nowhere"], 1, "--token-file cannot be read"),
        (["--beam", "0"], 2, "--beam must be at least 1"),
        (["--run", "nobody"], 1, "no run 'nobody'"),
    ],
)
def test_mistakes_are_rejected_at_once(tmp_path, monkeypatch, words, status, error):
    monkeypatch.chdir(tmp_path)
    done = run_command(serve, *words)
    assert done.status == status
    assert error in done.error
    assert done.error.count("\n") == 1


def test_captions_options_are_rejected_for_a_classifier(tmp_path):
    folder = tmp_path / "c"
    runs.write_config(
        folder,
        {
            "preset": "classifier",
            "dataset": "none",
            "trunk": "tutorial",
            "image_size": 32,
            "classes": ["a", "b"],
            "alter": "none",
            "seed": 0,
        },
    )
    done = run_command(serve, "--run", folder, "--beam", "3")
    assert done.status == 2
    assert "--beam needs a preset that writes captions" in done.error


def test_a_taken_port_is_rejected_with_a_free_one(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_command(serve, "--run", run, "--port", port)
    assert done.status == 1
    assert f"--port {port} is not available on 127.0.0.1" in done.error
    assert "try --port" in done.error


def post(address, path, body, **headers):
    """Send a body; return the status and the answer."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=120)
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    return answer.status, json.load(answer)


def predict_captions(run, photos, *words):
    """Return captions and scores of photos by predict.py."""
    file = photos[0].parent.parent / f"captions{''.join(map(str, words))}.jsonl"
    done = run_command(predict, "--run", run, "--out", file, *words, *photos)
    assert done.status == 0, done.error
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [(row["caption"], row["score"]) for row in rows]


@pytest.mark.slow
def test_captions_equal_those_of_predict(run, photos, monkeypatch):
    """Alone and in batches, with the run's beam and another; also by Hugging Face's client."""
    expected = {beam: predict_captions(run, photos, "--beam", beam) for beam in (2, 5)}
    expected[None] = predict_captions(run, photos)
    assert len({caption for caption, _ in expected[None]}) > 1
    with ServeProcess("--run", run) as server, ThreadPoolExecutor(12) as pool:
        server.wait()

        def caption(photo, beam):
            query = "" if beam is None else f"?beam={beam}"
            status, answer = post(server.address, f"/v1/caption{query}", photo.read_bytes())
            assert status == 200
            return answer["caption"], answer["score"]

        for beam, captions in expected.items():
            assert [caption(photo, beam) for photo in photos] == captions
            assert list(pool.map(caption, photos, [beam] * len(photos))) == captions
        monkeypatch.setenv("HF_HUB_OFFLINE", "0")
        client = InferenceClient(model=f"{server.address}/models/r", token="none")
        assert client.image_to_text(photos[0]).generated_text == expected[None][0][0]
        metrics = server.read_metrics()
        status, out, error = server.stop()
    assert (status, error) == (0, "")
    assert out.startswith("r is ready after ")
    answered = 6 * len(photos) + 1
    assert metrics['captions_photos_total{result="answered"}'] == answered
    assert metrics["captions_batch_photos_count"] < answered


@pytest.mark.slow
def test_a_signal_ends_the_server_while_it_loads(run):
    with ServeProcess("--run", run) as server:
        assert "Ctrl-C" in server.first_line
        with urlopen(f"{server.address}/healthz") as answer:
            assert json.load(answer) == {"status": "ok"}
        assert server.stop(signal.SIGINT) == (0, "", "")


@pytest.mark.slow
def test_a_run_that_cannot_be_loaded_ends_the_server(tmp_path):
    run = write_captioner_run(tmp_path / "r")
    for file in run.glob("best/*"):
        file.unlink()
    with ServeProcess("--run", run) as server:
        _, error = server.process.communicate(timeout=600)
        assert server.process.returncode == 1
    assert error.startswith("error: ")
    assert error.count("\n") == 1


@pytest.mark.slow
def test_a_classifier_is_served(tmp_path):
    run = write_classifier_run(tmp_path / "c")
    photo = tmp_path / "a.png"
    Image.new("RGB", (40, 30), (20, 200, 40)).save(photo)
    done = run_command(predict, "--run", run, "--out", tmp_path / "a.jsonl", photo)
    assert done.status == 0, done.error
    row = json.loads((tmp_path / "a.jsonl").read_text())
    with ServeProcess("--run", run) as server:
        server.wait()
        status, answer = post(server.address, "/v1/classify", photo.read_bytes())
        assert status == 200
        first = answer["classes"][0]
        assert (first["name"], round(first["probability"], 4)) == (row["class"], row["probability"])
        client = InferenceClient(model=f"{server.address}/models/c", token="none")
        assert client.image_classification(photo)[0].label == row["class"]
        assert server.stop()[0] == 0


@pytest.mark.slow
def test_many_clients_and_then_the_end(run, photos):
    """One photo in ten is bad. After SIGTERM what has come is answered, and nothing twice."""
    expected = dict(zip(photos, predict_captions(run, photos, "--beam", 2), strict=True))
    stopping = threading.Event()
    with ServeProcess("--run", run, "--beam", 2) as server:
        server.wait()

        def ask(client):
            """Ask until the server ends; return how many photos were answered."""
            answered = 0
            while True:
                photo = photos[(client + answered) % len(photos)]
                is_bad = (client + answered) % 10 == 0
                body = b"text" if is_bad else photo.read_bytes()
                try:
                    status, answer = post(server.address, "/v1/caption", body)
                except OSError:  # the server takes no more connections
                    assert stopping.is_set()
                    return answered
                assert status == (422 if is_bad else 200), answer
                if not is_bad:
                    assert (answer["caption"], answer["score"]) == expected[photo]
                answered += 1

        with ThreadPoolExecutor(50) as pool:
            clients = [pool.submit(ask, client) for client in range(50)]
            threading.Event().wait(8)
            metrics = server.read_metrics()
            stopping.set()
            status, _, error = server.stop()
            answered = [client.result() for client in clients]
    assert (status, error) == (0, "")
    assert min(answered) > 0
    prefix = 'captions_requests_total{route="/v1/caption",'
    statuses = {name.removeprefix(prefix) for name in metrics if name.startswith(prefix)}
    assert statuses == {'status="200"}', 'status="422"}'}
