"""Our own routes: one photo as it is, or several in a form."""

import pytest

from tests.helpers.serving import BROKEN, FakeModel, make_photo, run_app


def post(client, path="/v1/caption", *, photo=None, **query):
    return client.post(path, content=make_photo() if photo is None else photo, params=query)


def make_form(*photos):
    return [("photo", (f"{number}.png", photo)) for number, photo in enumerate(photos)]


def test_the_bytes_of_a_photo_are_captioned(client):
    answer = post(client)
    assert answer.status_code == 200
    assert answer.json() == {
        "model": "fake",
        "caption": "brightness 100",
        "score": 0.5,
        "candidates": [
            {"caption": "brightness 100", "score": 0.5},
            {"caption": "other", "score": 0.25},
        ],
    }


@pytest.mark.parametrize(
    "kind", ["image/png", "application/x-www-form-urlencoded", "application/octet-stream", ""]
)
def test_the_content_type_does_not_matter(client, kind):
    answer = client.post("/v1/caption", content=make_photo(), headers={"Content-Type": kind})
    assert answer.json()["caption"] == "brightness 100"


def test_the_beam_is_passed_on(client):
    assert post(client, beam=7).json()["caption"] == "brightness 100 beam 7"


@pytest.mark.parametrize(
    ("query", "reason"),
    [({"beam": 0}, "beam: "), ({"beam": 21}, "beam: "), ({"beam": "x"}, "beam: ")],
)
def test_a_wrong_beam_is_refused(client, query, reason):
    answer = post(client, **query)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(reason)


def test_attention_has_a_map_for_each_word(client):
    attention = post(client, attention=1).json()["attention"]
    assert attention["words"] == ["brightness", "100"]
    assert attention["maps"] == [[[0.16667] * 3] * 2] * 2


def test_several_photos_of_a_form_are_answered_in_their_order(client):
    form = make_form(make_photo(10), make_photo(20), make_photo(30))
    answer = client.post("/v1/caption", files=form)
    assert answer.status_code == 200
    photos = answer.json()["photos"]
    assert [photo["name"] for photo in photos] == ["0.png", "1.png", "2.png"]
    assert [photo["caption"] for photo in photos] == [
        "brightness 10",
        "brightness 20",
        "brightness 30",
    ]
    assert "attention" not in photos[0]


def test_a_bad_photo_does_not_fail_the_others(client):
    form = make_form(make_photo(10), b"text", make_photo(30))
    answer = client.post("/v1/caption", files=form)
    assert answer.status_code == 200
    first, second, third = answer.json()["photos"]
    assert first["caption"] == "brightness 10"
    assert second == {"name": "1.png", "error": "not a picture"}
    assert third["caption"] == "brightness 30"


@pytest.mark.parametrize(
    ("photo", "reason"),
    [
        (b"text", "the photo cannot be read: not a picture"),
        (make_photo()[:50], "the photo cannot be read: cut short"),
    ],
)
def test_a_bad_photo_is_refused_with_the_reason(client, photo, reason):
    answer = post(client, photo=photo)
    assert answer.status_code == 422
    assert answer.json() == {"detail": reason}
    answer = client.post("/v1/caption", files=make_form(photo))
    assert answer.status_code == 422
    assert answer.json() == {"detail": reason}


def test_a_form_of_bad_photos_is_refused(client):
    answer = client.post("/v1/caption", files=make_form(b"text", b"text"))
    assert answer.status_code == 422
    assert answer.json() == {"detail": "photo 1 cannot be read: not a picture"}


@pytest.mark.parametrize(
    "request_parts", [{"content": b""}, {"files": [("photo", (None, "text"))]}]
)
def test_a_request_without_a_photo_is_refused(client, request_parts):
    answer = client.post("/v1/caption", **request_parts)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("no photo in the ")


def test_a_form_with_too_many_photos_is_refused(client):
    answer = client.post("/v1/caption", files=make_form(*[make_photo()] * 17))
    assert answer.status_code == 400
    assert "16" in answer.json()["detail"]


def test_a_damaged_form_is_refused(client):
    headers = {"Content-Type": "multipart/form-data"}  # no boundary
    answer = client.post("/v1/caption", content=b"--x", headers=headers)
    assert answer.status_code == 400


def test_the_photos_of_a_form_are_one_batch():
    model = FakeModel()
    with run_app(model) as (client, _):
        client.post("/v1/caption", files=make_form(*[make_photo()] * 5))
    assert sum(model.batches) == 5
    assert len(model.batches) < 5


def test_more_photos_than_the_queue_takes_are_refused():
    with run_app(batch=1, queue=2) as (client, service):
        answer = client.post("/v1/caption", files=make_form(*[make_photo()] * 4))
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert "busy" in answer.json()["detail"]
        assert client.post("/v1/caption", files=make_form(*[make_photo()] * 3)).status_code == 200
        assert 'captions_photos_total{result="refused"} 4' in service.metrics.render()


def test_before_the_model_is_loaded_photos_are_refused():
    with run_app(is_loaded=False) as (client, _):
        answer = post(client)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "loading" in answer.json()["detail"]


def test_a_failing_model_is_an_error_without_details():
    with run_app(raises=False) as (client, service):
        answer = post(client, photo=make_photo(BROKEN))
        assert answer.status_code == 500
        assert answer.json()["detail"].startswith("unexpected error (RuntimeError)")
        assert "secret" not in answer.text
        assert post(client).status_code == 200  # the next one is answered
        text = service.metrics.render()
    assert 'captions_requests_total{route="/v1/caption",status="500"} 1' in text
    assert 'captions_photos_total{result="failed"} 1' in text


def test_a_classifier_names_classes(classes_client):
    expected = {
        "model": "fake",
        "classes": [
            {"name": "bright", "probability": 0.25},
            {"name": "dark", "probability": 0.75},
        ],
    }
    photo = make_photo(64)
    assert post(classes_client, "/v1/classify", photo=photo).json() == expected
    answer = classes_client.post("/v1/classify", files=make_form(photo, b"text"))
    assert answer.json()["photos"] == [
        expected | {"name": "0.png"},
        {"name": "1.png", "error": "not a picture"},
    ]


def test_each_kind_of_run_points_to_its_own_route(client, classes_client):
    answer = post(classes_client)
    assert answer.status_code == 400
    assert "/v1/classify" in answer.json()["detail"]
    answer = post(client, "/v1/classify")
    assert answer.status_code == 400
    assert "/v1/caption" in answer.json()["detail"]
