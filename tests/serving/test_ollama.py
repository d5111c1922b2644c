"""Requests as Ollama's clients send them, and the answers that they read."""

import json
import re

import pytest

from tests.helpers.serving import encode, make_photo

PHOTO = encode(make_photo())
COUNTS = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)


def check_end(answer, *, words=2, reason="stop"):
    """Check what every last object has, and return the rest."""
    assert answer.pop("done") is True
    assert answer.pop("done_reason") == reason
    assert answer.pop("model") == "fake"
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", answer.pop("created_at"))
    counts = {name: answer.pop(name) for name in COUNTS}
    assert all(isinstance(count, int) for count in counts.values())
    assert counts["eval_count"] == words
    return answer


def test_generate_as_photoprism_sends_it(client):
    sent = {
        "model": "gemma3:latest",
        "prompt": "Create a caption …",
        "images": [PHOTO],
        "stream": False,
        "think": False,
        "options": {"temperature": 0.1, "stop": ["\n\n"]},
    }
    answer = client.post("/api/generate", json=sent)
    assert answer.status_code == 200
    assert check_end(answer.json()) == {"response": "brightness 100"}


def test_generate_streams_unless_it_should_not(client):
    answer = client.post("/api/generate", json={"model": "x", "images": [PHOTO]})
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    first, last = map(json.loads, answer.text.splitlines())
    assert (first["response"], first["done"]) == ("brightness 100", False)
    assert check_end(last) == {"response": ""}


def test_curl_without_a_content_type_is_read(client):
    body = json.dumps({"images": [PHOTO], "stream": False})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.post("/api/generate", content=body, headers=headers)
    assert answer.json()["response"] == "brightness 100"


@pytest.mark.parametrize(
    "photo", [PHOTO, f"data:image/png;base64,{PHOTO}", PHOTO[:9] + "\n" + PHOTO[9:]]
)
def test_base64_is_read_in_its_usual_forms(client, photo):
    answer = client.post("/api/generate", json={"images": [photo], "stream": False})
    assert answer.json()["response"] == "brightness 100"


def test_captions_of_several_photos_are_lines(client):
    photos = [encode(make_photo(grey)) for grey in (10, 20)]
    answer = client.post("/api/generate", json={"images": photos, "stream": False})
    assert check_end(answer.json(), words=4) == {"response": "brightness 10\nbrightness 20"}


def test_chat_captions_the_last_message_with_photos(client):
    messages = [
        {"role": "system", "content": "You caption photos."},
        {"role": "user", "content": "and this?", "images": [encode(make_photo(50))]},
        {"role": "user", "content": "what is it?", "images": [PHOTO]},
        {"role": "assistant", "content": "hm"},
    ]
    answer = client.post("/api/chat", json={"messages": messages, "stream": False})
    message = {"role": "assistant", "content": "brightness 100"}
    assert check_end(answer.json()) == {"message": message}
    streamed = client.post("/api/chat", json={"messages": messages})
    first, last = map(json.loads, streamed.text.splitlines())
    assert (first["message"], first["done"]) == (message, False)
    assert check_end(last) == {"message": {"role": "assistant", "content": ""}}


@pytest.mark.parametrize(
    ("path", "sent", "empty"),
    [
        ("/api/generate", {"model": "x"}, {"response": ""}),
        (
            "/api/chat",
            {"model": "x", "messages": []},
            {"message": {"role": "assistant", "content": ""}},
        ),
    ],
)
def test_an_empty_request_says_that_the_model_is_loaded(client, path, sent, empty):
    """Ollama's clients load a model so before they need it."""
    answer = client.post(path, json=sent)
    assert check_end(answer.json(), words=0, reason="load") == empty


@pytest.mark.parametrize(
    ("path", "sent", "status", "reason"),
    [
        ("/api/generate", {"prompt": "Tell a joke"}, 400, "this model captions photos"),
        ("/api/chat", {"messages": [{"content": "Hi"}]}, 400, "this model captions photos"),
        ("/api/generate", {"images": [PHOTO], "format": "json"}, 400, "no JSON; omit `format`"),
        ("/api/generate", {"images": [PHOTO], "format": {"type": "object"}}, 400, "omit `format`"),
        ("/api/generate", {"images": ["photo.jpg"]}, 400, "images.0 must be base64 of a photo's"),
        ("/api/generate", {"images": [""]}, 400, "images.0 is empty"),
        ("/api/generate", {"images": [encode(b"text")]}, 422, "cannot be read: not a picture"),
        ("/api/generate", {"images": [PHOTO, encode(b"text")]}, 422, "photo 2 cannot be read"),
        ("/api/generate", {"images": [PHOTO] * 17}, 400, "may have 16 photos (got 17)"),
        ("/api/generate", {"images": "photo"}, 400, "images: "),
        ("/api/chat", {}, 400, "messages: field required"),
        ("/api/generate", [], 400, "should be an object"),
        ("/api/pull", {"model": "x"}, 404, "no route POST /api/pull"),
    ],
)
def test_what_cannot_be_answered_is_refused(client, path, sent, status, reason):
    answer = client.post(path, json=sent)
    assert answer.status_code == status
    assert reason in answer.json()["error"]


def test_a_body_that_is_no_json_is_refused(client):
    answer = client.post("/api/generate", content=b"\xff{")
    assert answer.status_code == 400
    assert "JSON" in answer.json()["error"]


def test_a_classifier_is_refused(classes_client):
    answer = classes_client.post("/api/generate", json={"images": [PHOTO]})
    assert answer.status_code == 400
    assert "/v1/classify" in answer.json()["error"]


def test_the_model_is_listed(client):
    (model,) = client.get("/api/tags").json()["models"]
    assert model["name"] == model["model"] == "fake:latest"
    assert set(model) >= {"modified_at", "size", "digest", "details"}


def test_the_model_sees_photos(client):
    answer = client.post("/api/show", json={"model": "fake"})
    assert "vision" in answer.json()["capabilities"]


def test_the_version_is_a_version(client):
    assert re.fullmatch(r"\d+\.\d+\.\d+", client.get("/api/version").json()["version"])


def test_a_client_may_ask_whether_there_is_a_server(client):
    assert client.head("/").status_code == 200
    assert client.get("/").status_code == 200
