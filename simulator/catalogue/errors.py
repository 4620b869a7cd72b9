"""Faults of a look-up in the catalogue, worded for the person who wrote the id."""

from __future__ import annotations

from collections.abc import Iterable


class UnknownId(ValueError):  # noqa: N818 - named for what is wrong, like KeyError
    """An id that the catalogue does not hold; the message names those it does."""

    def __init__(self, given: str, allowed: Iterable[str]) -> None:
        self.given = given
        self.allowed = tuple(sorted(allowed))
        message = f"is '{given}', must be one of {', '.join(self.allowed)}"
        suggestion = self._suggestion()
        super().__init__(f"{message}; did you mean '{suggestion}'?" if suggestion else message)

    def _suggestion(self) -> str | None:
        from difflib import get_close_matches  # only when something is wrong: keeps the normal path quick

        close = get_close_matches(str(self.given), self.allowed, n=1)
        return close[0] if close else None


class NoOffer(ValueError):  # noqa: N818 - as above
    """No rental offer fits; the message says what the provider does rent."""
