"""Files at addresses: in fsspec's memory, which is of this process, and on an S3 server."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import fsspec
from fsspec.implementations.memory import MemoryFileSystem

from utils.addresses import ListedFile

KEY, SECRET = "a-key", "a-secret-of-the-tests"
SERVER_KEYS = {"NANIO_ACCESS_KEY": KEY, "NANIO_SECRET_KEY": SECRET}
_PATIENCE = 30  # seconds that the server may take to start


def put(address, content):
    """Write bytes, or the content of a file or folder here, at an address."""
    if isinstance(content, Path) and content.is_dir():
        for file in content.rglob("*"):
            if file.is_file():
                put(f"{address}/{file.relative_to(content).as_posix()}", file)
        return
    if isinstance(content, Path):
        content = content.read_bytes()
    with fsspec.open(address, "wb") as file:
        file.write(content)


def clear_memory():
    """Remove everything at memory:// addresses."""
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def record_reads(monkeypatch, attribute):
    """Return a list that gets this attribute of each file that is read: `address` or `name`."""
    found = []
    read = ListedFile.read

    def read_and_record(file, start, end):
        found.append(getattr(file, attribute))
        return read(file, start, end)

    monkeypatch.setattr(ListedFile, "read", read_and_record)
    return found


def list_server_words(folder, host, port):
    """Return the command of an S3 server, whose environment gets `SERVER_KEYS`."""
    words = [sys.executable, "-m", "nanio", "serve", "--data-dir", str(folder)]
    return [*words, "--host", host, "--port", str(port), "--log-level", "error"]


@contextmanager
def run_s3_server(folder):
    """Serve the folders below a folder as buckets; yield the endpoint."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = list_server_words(folder, "127.0.0.1", port)
    server = subprocess.Popen(command, env=os.environ | SERVER_KEYS)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def _wait_for(port):
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def use_s3(monkeypatch, endpoint, key=KEY, secret=SECRET):
    """Let s3:// addresses be on that server, with these credentials."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    if key is not None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
