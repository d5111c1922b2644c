"""The settings of the server, apart from those of the model. They are options of serve.py."""

from dataclasses import dataclass

from utils.command_line import check_values, setting

MEGABYTE = 2**20
MOST_PHOTOS = 16  # of one request
MOST_BEAM = 20  # the widest beam that a request may ask for


@dataclass(frozen=True)
class ServerOptions:
    """server"""

    host: str = setting(
        "127.0.0.1",
        "address to listen on; all but this machine's own need a token",
        unit="ADDRESS",
    )
    port: int = setting(
        8000, "port to listen on; 0 takes a free one", unit="NUMBER", at_least=0, at_most=65535
    )
    batch: int = setting(
        16, "most photos that are captioned together", unit="PHOTOS", at_least=1, at_most=64
    )
    queue: int = setting(
        64, "photos that may wait; more get status 503", unit="PHOTOS", at_least=1, at_most=4096
    )
    megabytes: int = setting(
        32, "largest request; a larger one gets status 413", unit="MB", at_least=1, at_most=1024
    )
    timeout: int = setting(
        60, "longest time for a request; then it gets status 504", unit="SECONDS", at_least=1
    )

    def __post_init__(self) -> None:
        check_values(self)

    @property
    def largest_body(self) -> int:
        """Return the most bytes that a request may have."""
        return self.megabytes * MEGABYTE

    @property
    def most_photos(self) -> int:
        """Return how many photos may be in the server: those in work, and those that wait."""
        return self.batch + self.queue
