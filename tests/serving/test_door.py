"""What a request meets before the routes."""

import asyncio
from types import SimpleNamespace

import pytest

from serving.door import Door
from tests.helpers.serving import make_photo, run_app

TOKEN = "abcdefgh-12345678"
PAGE = "https://photos.example"


def post(client, **headers):
    return client.post("/v1/caption", content=make_photo(), headers=headers)


def test_without_the_token_nothing_is_answered():
    with run_app(token=TOKEN) as (client, service):
        for value in ("", TOKEN, "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ü"):
            answer = post(client, Authorization=value.encode())
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert TOKEN not in answer.text
        assert client.get("/metrics").status_code == 401
        assert service.model.batches == []
        assert post(client, Authorization=f"Bearer {TOKEN}").status_code == 200
        assert post(client, Authorization=f"bearer {TOKEN}").status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/openapi.json"])
def test_probes_and_the_description_need_no_token(path):
    with run_app(token=TOKEN) as (client, _):
        assert client.get(path).status_code == 200


def test_requests_of_web_pages_are_refused():
    with run_app() as (client, service):
        answer = post(client, Origin=PAGE)
        assert answer.status_code == 403
        assert "--allow-origin" in answer.json()["detail"]
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert service.model.batches == []


@pytest.mark.parametrize("origins", [[PAGE], ["*"]])
def test_requests_of_a_named_web_page_are_answered(origins):
    with run_app(origins=origins, token=TOKEN) as (client, _):
        ask = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
        wanted = ask | {"Access-Control-Request-Headers": "authorization"}
        preflight = client.options("/v1/caption", headers=wanted)
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] in (PAGE, "*")
        answer = post(client, Origin=PAGE, Authorization=f"Bearer {TOKEN}")
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] in (PAGE, "*")
        assert post(client, Origin=PAGE).status_code == 401


def test_requests_of_other_web_pages_stay_refused():
    with run_app(origins=[PAGE]) as (client, _):
        assert post(client, Origin="https://evil.example").status_code == 403


@pytest.mark.parametrize(
    ("path", "read_reason"),
    [
        ("/v1/caption", lambda body: body["detail"]),
        ("/api/generate", lambda body: body["error"]),
        ("/models/x", lambda body: body["error"]),
        ("/v1/chat/completions", lambda body: body["error"]["message"]),
    ],
)
def test_a_large_request_is_refused_in_the_form_of_its_family(path, read_reason):
    with run_app(megabytes=1) as (client, _):
        answer = client.post(path, content=b"x" * (2**20 + 1))
        assert answer.status_code == 413
        assert read_reason(answer.json()).startswith("a request may have 1 MB (got 1,048,577 ")
        assert client.post(path, content=b"x" * 2**20).status_code in (400, 422)


def test_a_large_request_without_a_length_is_refused():
    parts = (b"x" * 2**16 for _ in range(100))
    with run_app(megabytes=1) as (client, _):
        assert client.post("/v1/caption", content=parts).status_code == 413


class Client:
    """A client of an ASGI application, which sends what it is given and then waits, or leaves."""

    def __init__(self, *messages, leaves=False):
        self.messages = list(messages)
        self.leaves = leaves
        self.received = []

    async def receive(self):
        if self.messages:
            return self.messages.pop(0)
        if self.leaves:
            return {"type": "http.disconnect"}
        return await asyncio.Event().wait()

    async def send(self, message):
        self.received.append(message)

    @property
    def status(self):
        return self.received[0]["status"]

    async def call(self, door, method="POST"):
        scope = {"type": "http", "method": method, "path": "/v1/caption", "headers": []}
        await asyncio.wait_for(door(scope, self.receive, self.send), 20)


def make_door(app, *, timeout=20, most_photos=80):
    options = SimpleNamespace(
        timeout=timeout, megabytes=1, largest_body=2**20, most_photos=most_photos
    )
    return Door(app, options=options, token=None, origins=())


def call(client, app, **options):
    asyncio.run(client.call(make_door(app, **options)))


BODY = {"type": "http.request", "body": b"photo", "more_body": False}


def test_the_routes_get_the_whole_body():
    bodies = []

    async def app(_scope, receive, _send):
        bodies.append(await receive())

    parts = [
        {"type": "http.request", "body": b"ph", "more_body": True},
        {"type": "http.request", "body": b"oto"},
    ]
    call(Client(*parts), app)
    assert bodies == [BODY]


def test_a_slow_upload_is_given_up():
    async def app(*_):
        raise AssertionError("the routes were asked")

    client = Client({"type": "http.request", "body": b"ph", "more_body": True})
    call(client, app, timeout=0.05)
    assert client.status == 504


def test_a_slow_answer_is_given_up():
    cancelled = []

    async def app(*_):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    client = Client(BODY)
    call(client, app, timeout=0.05)
    assert client.status == 504
    assert cancelled == [True]


def test_nothing_is_done_for_a_client_that_has_gone():
    cancelled = []

    async def app(*_):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    client = Client(BODY, leaves=True)
    call(client, app)
    assert client.received == []
    assert cancelled == [True]


def test_a_client_that_leaves_while_it_sends_is_no_error():
    async def app(*_):
        raise AssertionError("the routes were asked")

    client = Client({"type": "http.request", "body": b"ph", "more_body": True}, leaves=True)
    call(client, app)
    assert client.received == []


def test_too_many_requests_are_refused_before_they_are_read():
    async def main():
        leave = asyncio.Event()

        async def app(*_):
            await leave.wait()

        door = make_door(app, most_photos=2)
        inside = [asyncio.create_task(Client(BODY).call(door)) for _ in range(2)]
        await asyncio.sleep(0.01)
        third, probe = Client(BODY), Client(BODY)
        await third.call(door)
        assert third.status == 503
        assert third.messages == [BODY]
        probing = asyncio.create_task(probe.call(door, "GET"))
        await asyncio.sleep(0.01)
        assert probe.messages == []  # it came in
        leave.set()
        await asyncio.gather(probing, *inside)
        fourth = Client(BODY)
        await fourth.call(door)
        assert fourth.messages == []

    asyncio.run(main())
