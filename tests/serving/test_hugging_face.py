"""Requests as Hugging Face's InferenceClient sends them."""

import pytest

from tests.helpers.serving import encode, make_photo


@pytest.mark.parametrize("name", ["fake", "owner/name"])
def test_a_photo_is_captioned(client, name):
    answer = client.post(f"/models/{name}", content=make_photo())
    assert answer.status_code == 200
    assert answer.json() == [{"generated_text": "brightness 100"}]


def test_base64_with_parameters_is_captioned(client):
    sent = {"inputs": encode(make_photo()), "parameters": {"max_new_tokens": 9}}
    answer = client.post("/models/fake", json=sent)
    assert answer.json() == [{"generated_text": "brightness 100"}]


def test_a_classifier_returns_labels(classes_client):
    answer = classes_client.post("/models/fake", content=make_photo(64))
    assert answer.json() == [
        {"label": "bright", "score": 0.25},
        {"label": "dark", "score": 0.75},
    ]


@pytest.mark.parametrize(
    ("request_parts", "status", "reason"),
    [
        ({"content": b"text"}, 422, "the photo cannot be read: not a picture"),
        ({"content": b""}, 400, "no photo in the request"),
        ({"json": {"inputs": "http://example.com/a.jpg"}}, 400, "inputs must be base64"),
        ({"json": {}}, 400, "inputs: field required"),
    ],
)
def test_what_cannot_be_answered_is_refused(client, request_parts, status, reason):
    answer = client.post("/models/fake", **request_parts)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(reason)
