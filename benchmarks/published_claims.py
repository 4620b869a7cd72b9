"""What the estimate of throughput and the catalogue's rents say to published claims; writes docs/published-claims.md.

    python benchmarks/published_claims.py            # prints the tables; a few seconds
    python benchmarks/published_claims.py --write    # and puts them into docs/published-claims.md

The claims are in published_claims.yaml. Here is a class for each kind of claim; its `answer` gives what the estimate
says and the condition under which the claim is true.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from functools import cache
from typing import Any

import yaml
from claim_basics import CLAIMS, PAGE, RENTED_GPUS, Setup, markdown, rent_table
from claims_of_comparison import (
    CheaperAccelerator,
    CostCut,
    CostRatio,
    IdleFactor,
    ImageCost,
    Rate,
    RentRange,
    Served,
    SpecialistSaving,
)
from claims_of_cost import (
    Claim,
    LeastGpus,
    OwnedTokenCost,
    PowerCost,
    QueryCost,
    TokenCost,
    TokensPerMinute,
    WeightsRead,
)

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        QueryCost,
        TokenCost,
        OwnedTokenCost,
        PowerCost,
        TokensPerMinute,
        WeightsRead,
        LeastGpus,
        CostCut,
        CostRatio,
        IdleFactor,
        Served,
        Rate,
        CheaperAccelerator,
        RentRange,
        SpecialistSaving,
        ImageCost,
    )
}
SETUP_FIELDS = ("setup", "before", "after", "small", "large", "against")


@cache
def claims() -> dict[str, tuple[Claim, ...]]:
    """All claims, by the table that they stand in."""
    content = yaml.safe_load(CLAIMS.read_text(encoding="utf-8"))
    setups = {name: Setup(**fields) for name, fields in content["setups"].items()}
    return {name: tuple(_claim(fields, setups) for fields in rows) for name, rows in content["claims"].items()}


def _claim(fields: dict[str, Any], setups: dict[str, Setup]) -> Claim:
    kind = KINDS[fields.pop("kind")]
    for name, value in fields.items():
        if name in SETUP_FIELDS:
            fields[name] = setups[value]
        elif isinstance(value, list):
            fields[name] = tuple(setups[item] if name == "setups" else item for item in value)
    return kind(**fields)


def claim_table(rows_of: Iterable[Claim]) -> str:
    """Claims with their answers."""
    rows = []
    for claim in rows_of:
        setup, estimate, verdict, condition = claim.answer()
        rows.append((claim.text, setup, estimate, f"**{verdict}.** {condition}"))
    return markdown(("claim", "set-up", "what the estimate says", "true when"), rows)


def tables() -> dict[str, str]:
    """Every table of the page, by the name of its mark."""
    return {"rent-table": rent_table(RENTED_GPUS)} | {name: claim_table(group) for name, group in claims().items()}


def replaced(page: str, name: str, table: str) -> str:
    """The page with what lies between the marks of a table replaced."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"{PAGE}: must have the marks {begin.strip()} and {end.strip()} once")
    head, rest = page.split(begin)
    return f"{head}{begin}{table}{end}{rest.split(end)[1]}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="put the tables into docs/published-claims.md")
    given = arguments.parse_args()
    page = PAGE.read_text(encoding="utf-8") if given.write else ""
    for name, table in tables().items():
        print(f"\n{name}\n{table}")
        page = replaced(page, name, table) if given.write else ""
    if given.write:
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
