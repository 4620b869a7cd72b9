"""Every row in `prices/` says where it comes from and as of when."""

from datetime import date

import pytest

from simulator._paths import data_folder
from simulator.catalogue.fact_files import read_mapping

FILES = sorted(path.relative_to(data_folder("prices")).as_posix() for path in data_folder("prices").rglob("*.yaml"))


def rows_of(content):
    """Mappings that hold no further mappings of rows: the figures themselves."""
    for value in content.values() if isinstance(content, dict) else content:
        if isinstance(value, list):
            yield from rows_of(value)
        elif isinstance(value, dict):
            if any(isinstance(inner, dict) and "source" in inner for inner in value.values()):
                yield from rows_of(value)
            else:
                yield value


def test_all_price_files_are_looked_at():
    assert {"media.yaml", "provisioned_units.yaml", "tokens/deepinfra.yaml", "operations.yaml"} <= set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_row_says_where_it_comes_from_and_as_of_when(name):
    rows = list(rows_of(read_mapping(data_folder("prices") / name)))
    assert rows
    for row in rows:
        assert row["source"], row
        assert row["as_of"] is None or date.fromisoformat(row["as_of"]) <= date(2026, 11, 21), row
        assert row["as_of"] is not None or row["unverified"], row  # undated ones are marked


@pytest.mark.parametrize("name", FILES)
def test_no_two_rows_hold_from_the_same_day_for_the_same_thing(name):
    keys = ("provider", "model", "models", "unit", "variant", "scope", "contract", "effective_from")
    keys += ("lever", "key", "text")
    content = read_mapping(data_folder("prices") / name)
    for rows in content.values():
        if isinstance(rows, list):
            things = [tuple(str(row.get(key)) for key in keys) for row in rows]
            assert len(things) == len(set(things))
