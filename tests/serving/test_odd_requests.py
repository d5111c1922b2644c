"""Odd requests, made of the description of the routes: whatever comes, the server does not fail."""

import copy
import json
import random

import pytest

from tests.helpers.serving import encode, make_photo, run_app

PHOTO = make_photo()
TEXTS = ["", " ", "x", "fake", "\0", "ü你🎉", "../../etc/passwd", "%00%ff", "a" * 5000, "1e999"]
BODIES = [b"", b"x", b"\0" * 100, b"\xff\xfe", PHOTO, PHOTO[:50], b"GIF89a", b"BM" + b"\0" * 60]
TYPES = [
    "application/json",
    "application/json; charset=utf-16",
    "image/png",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=x; charset=nonsense",
    "text/plain",
    "",
    ";;;",
]
JSON_TEXTS = [
    "",
    "{",
    "null",
    "[[" * 500,
    '{"images":' * 500,
    '{"images": ["\\ud800"]}',
    '{"images": ["é"], "stream": NaN}',
    '{"messages": [{"content": "a", "content": []}]}',
    "1e400",
    '"\ud7ff"',
]


class Writer:
    """Writes requests at random."""

    def __init__(self, description, seed):
        self.random = random.Random(seed)
        self.schemas = description["components"]["schemas"]
        self.routes = []
        for path, methods in description["paths"].items():
            self.routes += [(method, path, route) for method, route in methods.items()]

    def write(self):
        """Return the arguments of a request."""
        method, path, route = self.random.choice(self.routes)
        if self.random.random() < 0.05:
            method = self.random.choice(["get", "put", "post", "delete", "options", "head", "x"])
        name = self.random.choice(["fake", "a/b", "ü", "%2e%2e", "%00", "a" * 300])
        headers, content = self.write_body(route)
        if self.random.random() < 0.05:
            headers["Authorization"] = self.random.choice(["", "Bearer", "Bearer \x7f", "x y z"])
        return {
            "method": method,
            "url": path.replace("{name}", name) + self.write_query(),
            "headers": headers,
            "content": content,
        }

    def write_query(self):
        if self.random.random() < 0.7:
            return ""
        values = ["", "1", "0", "-1", "20", "21", "999999999999999999999", "1.5", "ü", "true", "[]"]
        pairs = []
        for name in self.random.sample(["beam", "attention", "beam[]", "", "x"], 2):
            pairs.append(f"{name}={self.random.choice(values)}")
        return "?" + "&".join(pairs)

    def write_body(self, route):
        content = route.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema")
        kind = self.random.random()
        if schema is not None and kind < 0.7:
            value = self.fill(schema)
            text = json.dumps(value) if kind < 0.6 else self.random.choice(JSON_TEXTS)
            return {"Content-Type": "application/json"}, text.encode("utf-8", "replace")
        headers = {"Content-Type": self.random.choice(TYPES)}
        if "boundary=x" in headers["Content-Type"]:
            return headers, self.write_form()
        return headers, self.random.choice(BODIES)

    def write_form(self):
        parts = []
        for _ in range(self.random.randrange(4)):
            name = self.random.choice(
                ['name="photo"', 'name=""', "", 'name="photo"; filename="a.png"']
            )
            body = self.random.choice(BODIES)
            parts.append(
                b"--x\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (name.encode(), body)
            )
        end = self.random.choice([b"--x--\r\n", b"--x--", b"--x", b""])
        return b"".join(parts) + end

    def fill(self, schema, depth=0):
        """Return a value for a schema: mostly a right one, sometimes one of another type."""
        if self.random.random() < 0.1 or depth > 6:
            odd = [None, True, -1, 2**70, 1.5, "x", [], {}, [None], {"a": 1}, ["x", 1]]
            return copy.copy(self.random.choice(odd))
        if "$ref" in schema:
            return self.fill(self.schemas[schema["$ref"].rsplit("/", 1)[1]], depth)
        if "anyOf" in schema:
            return self.fill(self.random.choice(schema["anyOf"]), depth)
        kind = schema.get("type")
        if kind == "object":
            fields = schema.get("properties", {"x": {}})
            return {
                name: self.fill(field, depth + 1)
                for name, field in fields.items()
                if self.random.random() < 0.8
            }
        if kind == "array":
            number = self.random.choice([0, 1, 1, 2, 17])
            return [self.fill(schema["items"], depth + 1) for _ in range(number)]
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind in ("integer", "number"):
            return self.random.choice([0, 1, -1, 2**70])
        photo = self.random.choice([PHOTO, PHOTO[:50], b"", b"text"])
        url = f"data:image/png;base64,{encode(photo)}"
        return self.random.choice([*TEXTS, encode(photo), encode(photo), url, url])


@pytest.mark.parametrize(
    ("requests", "seed"), [(200, 0), pytest.param(2000, 1, marks=pytest.mark.slow)]
)
def test_nothing_makes_the_server_fail(requests, seed):
    with run_app() as (client, service):
        writer = Writer(client.get("/openapi.json").json(), seed)
        statuses = {}
        for _ in range(requests):
            request = writer.write()
            answer = client.request(**request)
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            assert answer.status_code < 500, request
            if answer.status_code >= 400 and request["method"] != "head":
                assert answer.json(), request
        assert statuses[200] > requests / 20, statuses
        assert {400, 404, 405, 422} <= set(statuses), statuses
        assert "captions_photos_now 0\n" in service.metrics.render()
