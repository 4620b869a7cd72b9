"""What is wrong with single values, and which of several problems are the same one told twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.config.faults import enumerated
from simulator.config.field_lookup import Loc, longest_held

A_MAPPING = "a mapping"
A_LIST = "a list"
_OF_ABSENCE = ("missing", "missing_argument", "at_key", "union_tag_not_found")  # at a key that is not there


@dataclass(frozen=True)
class Complaint:
    """What is wrong with one value: a finished message, or the value given and what it must be."""

    message: str = ""
    given: str = ""
    wanted: tuple[str, ...] = ()
    choices: tuple[object, ...] = ()
    fits_type: bool = False  # a number, but not one that is allowed

    def __str__(self) -> str:
        if self.message:
            return self.message
        wanted = list(dict.fromkeys(self.wanted))
        if any(text.startswith("a number") for text in wanted):
            wanted = [text for text in wanted if not text.startswith("a whole number")]
        wanted = _in_one_mapping(wanted)
        if self.choices:
            choices = list(dict.fromkeys(self.choices))
            wanted.append(("one of " if len(choices) > 1 else "") + enumerated(choices))
        must_be = f"must be {' or '.join(wanted)}"
        if all(text in (A_MAPPING, A_LIST) for text in wanted):
            return f"{must_be}, is {self.given}"
        return f"is {self.given}, {must_be}"


def _in_one_mapping(wanted: Sequence[str]) -> list[str]:
    """The texts with mappings of one kind of keys or another told as one mapping."""
    begin = f"{A_MAPPING} with "
    keys = [text.removeprefix(begin) for text in wanted if text.startswith(begin)]
    others = [text for text in wanted if not text.startswith(begin)]
    return [*others, begin + ", or ".join(keys)] if keys else others


@dataclass(frozen=True)
class Problem:
    """One error, its location freed of union tags."""

    loc: Loc
    branches: tuple[tuple[int, str], ...]
    complaint: Complaint
    kind: str = ""  # pydantic's name of the error

    @property
    def message(self) -> str:
        """The complaint as a finished text."""
        return str(self.complaint)


def one_member_each(problems: Sequence[Problem], level: int) -> list[Problem]:
    """The problems with each union that has no discriminator reduced to what its closest member says.

    Pydantic reports what every member of such a union has against the value. A member that looked inside the value is
    closer than one that refused its type; among those the one with the fewest faults is. If all refused the value
    itself, the refusals become one. `level` counts the unions, one inside the other, already treated.
    """
    reduced: list[Problem] = []
    unions: dict[Loc, dict[str, list[Problem]]] = {}
    for problem in problems:
        if len(problem.branches) <= level:
            reduced.append(problem)
            continue
        depth, member = problem.branches[level]
        unions.setdefault(problem.loc[:depth], {}).setdefault(member, []).append(problem)
    for loc, members in unions.items():
        by_member = [one_member_each(list(group), level + 1) for group in members.values()]
        inside = [group for group in by_member if all(len(problem.loc) > len(loc) for problem in group)]
        if inside:
            closest: list[Problem] = min(inside, key=len)
            reduced += closest
        else:
            reduced.append(
                Problem(loc, (), _merged([p.complaint for group in by_member for p in group if p.loc == loc]))
            )
    return reduced


def without_echoes(problems: Sequence[Problem], data: object) -> list[Problem]:
    """The problems without those that only repeat another one.

    One says that the entries refused below it are missing. Another lies at a key that nobody wrote: a model filled it
    with a value given elsewhere, where it is refused too.
    """
    deeper = {problem.loc[:length] for problem in problems for length in range(len(problem.loc))}
    told = [problem for problem in problems if problem.kind != "too_short" or problem.loc not in deeper]
    written = [problem.loc for problem in told if longest_held(data, problem.loc) == problem.loc]

    def is_echo(problem: Problem) -> bool:
        held = longest_held(data, problem.loc)
        of_absence = problem.kind in _OF_ABSENCE
        return held != problem.loc and not of_absence and any(loc[: len(held)] == held for loc in written)

    return [problem for problem in told if not is_echo(problem)]


def _merged(complaints: Sequence[Complaint]) -> Complaint:
    finished = next((complaint for complaint in complaints if complaint.message), None)
    if finished is not None:
        return finished
    closest = [complaint for complaint in complaints if complaint.fits_type] or complaints
    return Complaint(
        given=complaints[0].given,
        wanted=tuple(text for complaint in closest for text in complaint.wanted),
        choices=tuple(choice for complaint in complaints for choice in complaint.choices),
    )
