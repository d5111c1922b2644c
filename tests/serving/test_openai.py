"""Requests as OpenAI's clients send them, and the answers that they read."""

import json

import pytest

from tests.helpers.serving import encode, make_photo

PATH = "/v1/chat/completions"
PHOTO = f"data:image/png;base64,{encode(make_photo())}"


def make_part(url):
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}


def make_request(*urls, **more):
    content = [{"type": "text", "text": "Describe the photo."}, *map(make_part, urls)]
    system = {"role": "system", "content": "You caption photos."}
    messages = [system, {"role": "user", "content": content}]
    return {"model": "gpt-x", "messages": messages, "max_tokens": 99} | more


def test_a_photo_is_captioned(client):
    body = client.post(PATH, json=make_request(PHOTO)).json()
    assert body.pop("id").startswith("chatcmpl-")
    assert isinstance(body.pop("created"), int)
    message = {"role": "assistant", "content": "brightness 100"}
    assert body == {
        "object": "chat.completion",
        "model": "fake",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 0, "completion_tokens": 2, "total_tokens": 2},
    }


def read_events(answer):
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = answer.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    return [json.loads(event.removeprefix("data: ")) for event in events[:-2]]


@pytest.mark.parametrize("with_usage", [False, True])
def test_a_caption_is_streamed(client, with_usage):
    options = {"stream": True, "stream_options": {"include_usage": with_usage}}
    events = read_events(client.post(PATH, json=make_request(PHOTO, **options)))
    assert len({event["id"] for event in events}) == 1
    assert {event["object"] for event in events} == {"chat.completion.chunk"}
    first, last = (event["choices"][0] for event in events[:2])
    assert first["delta"] == {"role": "assistant", "content": "brightness 100"}
    assert (first["finish_reason"], last["finish_reason"]) == (None, "stop")
    assert last["delta"] == {}
    usages = [event["usage"]["completion_tokens"] for event in events[2:]]
    assert usages == [2] * with_usage


def test_captions_of_several_photos_are_lines(client):
    dark = f"data:image/png;base64,{encode(make_photo(10))}"
    body = client.post(PATH, json=make_request(dark, PHOTO)).json()
    assert body["choices"][0]["message"]["content"] == "brightness 10\nbrightness 100"


def test_the_last_message_with_photos_counts(client):
    sent = make_request(PHOTO)
    dark = f"data:image/png;base64,{encode(make_photo(10))}"
    sent["messages"].insert(1, {"role": "user", "content": [make_part(dark)]})
    sent["messages"].append({"role": "assistant", "content": None})
    body = client.post(PATH, json=sent).json()
    assert body["choices"][0]["message"]["content"] == "brightness 100"


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (make_request("https://example.com/a.jpg"), 400, "opens no addresses (got 'https://"),
        (make_request("file:///etc/passwd"), 400, "must be a data URL"),
        (make_request("data:image/png,abc"), 400, "must be a data URL"),
        (make_request("data:image/png;base64,??"), 400, "must be base64"),
        (make_request(f"data:image/png;base64,{encode(b'text')}"), 422, "not a picture"),
        (make_request(*[PHOTO] * 17), 400, "may have 16 photos (got 17)"),
        (make_request(), 400, "this model captions photos"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, 400, "this model captions photos"),
        ({"messages": []}, 400, "this model captions photos"),
        ({}, 400, "messages: field required"),
        (make_request(PHOTO, n=2), 400, "n must be 1 (got 2)"),
        (make_request(PHOTO, response_format={"type": "json_object"}), 400, "no JSON"),
    ],
)
def test_what_cannot_be_answered_is_refused(client, sent, status, reason):
    answer = client.post(PATH, json=sent)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert reason in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_classifier_is_refused(classes_client):
    answer = classes_client.post(PATH, json=make_request(PHOTO))
    assert answer.status_code == 400
    assert "/v1/classify" in answer.json()["error"]["message"]


def test_the_model_is_listed(client):
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    (model,) = listed["data"]
    assert model == client.get("/v1/models/fake").json()
    assert (model["id"], model["object"]) == ("fake", "model")


def test_another_model_is_not_there(client):
    answer = client.get("/v1/models/gpt-x")
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == "no model 'gpt-x'; this server has 'fake'"
