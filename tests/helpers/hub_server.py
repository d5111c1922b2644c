"""A small Hugging Face Hub on loopback, which records the requests and can misbehave.

It speaks what a download needs: a model's commit and files with sizes and hashes, files by name
and commit with ETag and commit, a redirect to the store of large files on another port, ranges, and
pull requests.
"""

import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".bin", ".h5", ".msgpack")  # in the store of large files


def make_commit(seed):
    """Return a commit's name."""
    return hashlib.sha1(seed.encode()).hexdigest()


def hash_small(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def hash_large(content):
    return hashlib.sha256(content).hexdigest()


def find_blob(name, content):
    """Return the name of a file's blob: its sha256, or git's sha1 if it is small."""
    return hash_large(content) if name.endswith(LARGE) else hash_small(content)


@dataclass
class Request:
    method: str
    path: str
    headers: dict
    is_store: bool = False


@dataclass
class Repository:
    """Its files by commit, and the commits by revision."""

    commits: dict = field(default_factory=dict)
    revisions: dict = field(default_factory=dict)
    licence: str | None = "mit"
    model_type: str | None = "vision-encoder-decoder"
    requests_of_bot: list = field(default_factory=list)  # numbers of pull requests
    status: int | None = None  # of every answer
    error_code: str | None = None
    error_message: str | None = None

    def add(self, revision, files, commit=None):
        """Let a revision be a commit with these files; return the commit."""
        commit = commit or make_commit(f"{revision}{len(self.commits)}")
        self.commits[commit] = dict(files)
        self.revisions[revision] = commit
        return commit


@dataclass
class Hub:
    """The state of the server: repositories, faults to make, and requests so far."""

    endpoint: str = ""
    repositories: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    cuts: dict = field(default_factory=dict)  # name: bytes after which each answer is cut
    sent_instead: dict = field(default_factory=dict)  # name: other content than the list says
    has_sizes: bool = True  # in the list of files
    has_ranges: bool = True
    after_list: object = None  # called once after a list was sent
    busy: dict = field(default_factory=dict)  # name: number of answers 503
    other_commit: str | None = None  # said by the answers with files
    store: str = ""
    stored: dict = field(default_factory=dict)  # path in the store: (name, content)

    def add(self, name, files, revision="main", **settings):
        """Add a repository, or a revision to it; return the commit."""
        repository = self.repositories.setdefault(name, Repository())
        for key, value in settings.items():
            setattr(repository, key, value)
        return repository.add(revision, files)

    def find_files(self, *, method="GET"):
        """Return the names of the files that were asked for, in their order."""
        return [
            request.path.rpartition("/")[2]
            for request in self.requests
            if "/resolve/" in request.path and request.method == method
        ]


@contextmanager
def serve_hub():
    """Run the Hub and its store of large files until the block ends."""
    hub = Hub()
    servers = [
        _Server(("127.0.0.1", 0), _make_handler(hub, is_store)) for is_store in (False, True)
    ]
    hub.endpoint, hub.store = [f"http://127.0.0.1:{server.server_port}" for server in servers]
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        for server in servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()


@contextmanager
def use_hub(monkeypatch, home):
    """Run the Hub, and let the environment name it and an empty cache in `home`."""
    for name in (
        "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE",
        "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(home))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")  # not that of the developer
    with serve_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # clients that stop are a part of the tests


def _make_handler(hub, is_store):
    class Handler(_Handler):
        pass

    Handler.hub = hub
    Handler.is_store = is_store
    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    is_store: bool

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.hub.requests.append(Request(self.command, self.path, headers, self.is_store))
        path = unquote(urlsplit(self.path).path)
        if self.is_store:
            name, content = self.hub.stored[path]
            self.send_content(name, content, {"ETag": f'"{hash_large(content)}"'})
        elif path.startswith("/api/models/"):
            self.answer_api(path.removeprefix("/api/models/"))
        else:
            self.answer_file(path.removeprefix("/"))

    def answer_api(self, path):
        name, _, rest = "/".join(path.split("/")[:2]), None, "/".join(path.split("/")[2:])
        repository = self.find_repository(name)
        if repository is None:
            return
        if rest == "discussions":
            author = parse_qs(urlsplit(self.path).query).get("author")
            self.send_json(list_requests(name, repository, author))
            return
        revision = rest.removeprefix("revision/") or "main"
        commit = find_commit(repository, revision)
        if commit is None:
            self.send_failure(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        siblings = [
            self.describe(file, content) for file, content in repository.commits[commit].items()
        ]
        tags = [] if repository.licence is None else [f"license:{repository.licence}"]
        config = None if repository.model_type is None else {"model_type": repository.model_type}
        self.send_json(
            {"id": name, "sha": commit, "tags": tags, "config": config, "siblings": siblings}
        )
        if self.hub.after_list is not None:
            action, self.hub.after_list = self.hub.after_list, None
            action()

    def describe(self, file, content):
        described = {"rfilename": file}
        if self.hub.has_sizes:
            described |= {"size": len(content), "blobId": hash_small(content)}
            if file.endswith(LARGE):
                sha256 = hash_large(content)
                described["lfs"] = {"size": len(content), "sha256": sha256, "pointerSize": 134}
        return described

    def answer_file(self, path):
        name, _, rest = path.partition("/resolve/")
        repository = self.find_repository(name)
        if repository is None:
            return
        revision, _, file = rest.partition("/")
        commit = find_commit(repository, revision)
        if commit is None:
            self.send_failure(404, "RevisionNotFound", "Invalid rev id")
            return
        content = repository.commits[commit].get(file)
        if content is None:
            self.send_failure(404, "EntryNotFound", "Entry not found")
            return
        headers = {"X-Repo-Commit": self.hub.other_commit or commit}
        if not file.endswith(LARGE):
            self.send_content(file, content, headers | {"ETag": f'"{hash_small(content)}"'})
            return
        sha256 = hash_large(content)
        self.hub.stored[f"/{sha256}"] = (file, content)
        headers |= {
            "Location": f"{self.hub.store}/{sha256}",
            "X-Linked-Size": str(len(content)),
            "X-Linked-Etag": f'"{sha256}"',
        }
        self.send(302, b"", headers)

    def find_repository(self, name):
        """Return the repository; send the error if there is none to be read."""
        repository = self.hub.repositories.get(name)
        if repository is None:
            self.send_failure(404, "RepoNotFound", "Repository not found")
            return None
        if repository.status is not None:
            self.send_failure(repository.status, repository.error_code, repository.error_message)
            return None
        return repository

    def send_content(self, name, content, headers):
        """Send a file or the rest of it, with the faults that were asked for."""
        if self.hub.busy.get(name):
            self.hub.busy[name] -= 1
            self.send_failure(503, None, None)
            return
        content = self.hub.sent_instead.get(name, content)
        start = 0
        status = 200
        asked = self.headers.get("Range")
        if asked and self.hub.has_ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            status = 206
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = self.hub.cuts.get(name)
        self.send(status, content[start:], headers, cut)

    def send_json(self, value):
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send_failure(self, status, code, message):
        headers = {"Content-Type": "application/json"}
        if code:
            headers["X-Error-Code"] = code
        if message:
            headers["X-Error-Message"] = message
        self.send(status, json.dumps({"error": message or ""}).encode(), headers)

    def send(self, status, body, headers, cut=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body[:cut])
        if cut is not None and cut < len(body):
            self.close_connection = True


def find_commit(repository, revision):
    """Return the commit of a revision, which may be a commit itself."""
    if revision in repository.commits:
        return revision
    return repository.revisions.get(revision)


def list_requests(name, repository, author):
    """Return the pull requests of the conversion bot as the Hub lists them."""
    numbers = repository.requests_of_bot if author == ["SFconvertbot"] else []
    discussions = [
        {
            "num": number,
            "title": "Adding `safetensors` variant of this model",
            "author": {"name": "SFconvertbot"},
            "createdAt": "2024-01-01T00:00:00.000Z",
            "status": "open",
            "repo": {"name": name, "type": "model"},
            "isPullRequest": True,
        }
        for number in numbers
    ]
    return {"count": len(discussions), "start": 0, "discussions": discussions}
