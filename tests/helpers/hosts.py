"""Hosts of benchmarks/hosts.py for tests, which are skipped where there can be none."""

from contextlib import contextmanager

import pytest

from benchmarks import hosts
from benchmarks.hosts import PORT as PORT


def skip_without_namespaces():
    """Skip a test where no hosts can be made."""
    obstacle = hosts.find_obstacle()
    if obstacle:
        pytest.skip(obstacle)


@contextmanager
def make_hosts(number, *, pinned=False):
    """Make hosts for a block; `pinned` gives each a core of its own. All end with the block."""
    skip_without_namespaces()
    with hosts.make_hosts(number, pinned=pinned) as made:
        yield made
