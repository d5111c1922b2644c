"""The application as a whole: its description, its page, its state."""

import asyncio
import re

from serving.options import ServerOptions
from serving.service import Service
from tests.helpers.documents import read_document
from tests.helpers.serving import FakeModel, make_photo, run_app


def test_an_unknown_route_is_refused_with_the_way_out(client):
    answer = client.get("/v1/captions")
    assert answer.status_code == 404
    assert answer.json() == {"detail": "no route GET /v1/captions; GET / lists all"}
    answer = client.get("/v1/caption")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


def test_every_route_is_described_with_an_example(client):
    description = client.get("/openapi.json").json()
    assert set(description["paths"]) == {
        "/v1/caption",
        "/v1/classify",
        "/api/generate",
        "/api/chat",
        "/api/tags",
        "/api/show",
        "/api/version",
        "/v1/chat/completions",
        "/v1/models",
        "/v1/models/{name}",
        "/models/{name}",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    for path, methods in description["paths"].items():
        for route in methods.values():
            assert route["summary"]
            assert path.replace("{name}", "NAME") in route["x-curl"]


def test_every_reference_of_the_description_is_there(client):
    answer = client.get("/openapi.json")
    schemas = answer.json()["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/(\w+)"', answer.text))
    assert {"GenerateRequest", "ChatMessage", "ContentPart", "CaptionBody"} <= references
    assert references <= set(schemas)


def test_the_page_shows_every_route_and_loads_nothing(client):
    answer = client.get("/")
    for path in client.get("/openapi.json").json()["paths"]:
        assert f" {path}</h3>" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert re.findall(r'(?:src|href)="([^"]*)"', answer.text) == ["/openapi.json"]


def test_the_server_is_ready_when_the_model_is_loaded():
    with run_app(is_loaded=False) as (client, service):
        assert client.get("/healthz").json() == {"status": "ok"}
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "loading"})
        assert "captions_ready 0\n" in client.get("/metrics").text
        service.model = FakeModel()
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
        assert "captions_ready 1\n" in client.get("/metrics").text


def test_a_server_that_stops_answers_what_it_has():
    with run_app() as (client, service):
        service.is_draining = True
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "stopping"})
        assert client.get("/healthz").status_code == 200
        assert client.post("/v1/caption", content=make_photo()).status_code == 200


def test_requests_and_photos_are_counted():
    with run_app() as (client, _):
        client.post("/v1/caption", content=make_photo())
        client.post("/v1/caption", content=make_photo())
        client.post("/v1/caption", content=b"text")
        client.get("/nowhere")
        answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert 'captions_requests_total{route="/v1/caption",status="200"} 2' in lines
    assert 'captions_requests_total{route="/v1/caption",status="422"} 1' in lines
    assert 'captions_requests_total{route="unknown",status="404"} 1' in lines
    assert 'captions_request_seconds_count{route="/v1/caption"} 3' in lines
    assert 'captions_photos_total{result="answered"} 2' in lines
    assert 'captions_photos_total{result="unreadable"} 1' in lines
    assert "captions_batch_photos_sum 2" in lines
    assert "captions_photos_now 0" in lines
    assert 'captions_model_info{model="fake"} 1' in lines


def test_the_document_has_the_example_of_every_route(client):
    document = read_document("doc/serving.md")
    for methods in client.get("/openapi.json").json()["paths"].values():
        for route in methods.values():
            assert route["x-curl"] in document


def test_a_photo_whose_client_has_gone_is_given_up():
    async def main():
        service = Service(ServerOptions(), "fake")
        service.model = FakeModel()  # no batch is answered: nothing runs the queue
        asking = asyncio.create_task(service.caption(make_photo()))
        await asyncio.sleep(0.1)
        asking.cancel()
        await asyncio.wait({asking})
        return service.metrics.render()

    lines = asyncio.run(main()).splitlines()
    assert 'captions_photos_total{result="given up"} 1' in lines
    assert "captions_photos_now 0" in lines
