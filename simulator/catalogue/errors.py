"""Faults of a look-up in the catalogue, worded for the person who wrote the id."""

from __future__ import annotations

from collections.abc import Iterable

_MOST_LISTED = 50  # ids that a line may hold


class UnknownId(ValueError):  # noqa: N818 - named for what is wrong, like KeyError
    """An id that the catalogue does not hold; the message names those it does."""

    def __init__(self, given: str, allowed: Iterable[str], *, key: str = "") -> None:
        self.given = given
        self.key = key  # which of several ids that were looked up
        self.allowed = tuple(sorted(allowed))
        from difflib import get_close_matches  # only when something is wrong: keeps the normal path quick

        close = get_close_matches(str(given).lower(), self.allowed, n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        few = len(self.allowed) <= _MOST_LISTED
        allowed = ", ".join(self.allowed) if few else f"the {len(self.allowed)} that are listed"
        super().__init__(f"is '{given}', must be one of {allowed}{hint}")


class NoOffer(ValueError):  # noqa: N818 - as above
    """No rental offer fits; the message says what the provider does rent."""
