"""What the answers of a fleet are worth: a share of them is not good enough and is asked for again at an API."""

from __future__ import annotations

from pydantic import Field

from simulator.domain.api_options import ClassShares, of_class
from simulator.domain.base import Model


class Escalation(Model):
    """Requests that the fleet has answered and an API answers once more, so that a weaker model pays for its weakness.

    What the fleet does not serve (overflow) is answered by an API anyway and escalates no more.
    """

    share: ClassShares = Field(
        description="Share of the requests served by the fleet that the API answers once more; a number, or one by "
        "request class. [1]"
    )
    option: str | None = Field(
        default=None,
        min_length=1,
        description="Option of kind api that answers them; left out: the one that serves the overflow.",
    )

    def of_class(self, request_class: str) -> float:
        """Share of a class that escalates; a class that is not named has none. [1]"""
        return of_class(self.share, request_class)
