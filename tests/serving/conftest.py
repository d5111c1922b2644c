"""A server for the tests of its routes."""

import pytest

from tests.helpers.serving import FakeModel, run_app


@pytest.fixture(scope="module")
def client():
    """A client of a server whose model writes captions."""
    with run_app() as (client, _):
        yield client


@pytest.fixture(scope="module")
def classes_client():
    """A client of a server whose model is a classifier."""
    with run_app(FakeModel(is_captioner=False)) as (client, _):
        yield client
