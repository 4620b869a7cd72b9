"""The fitted efficiencies and the page of errors are those that the commands make, and the errors are small enough."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from simulator.catalogue.efficiencies import efficiencies, efficiency_table
from simulator.catalogue.measured import Measured, usable_rows

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def benchmarks():
    """Modules of `benchmarks/`, which is no package: its scripts are run from anywhere."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    yield lambda name: importlib.import_module(name)
    sys.path.remove(str(ROOT / "benchmarks"))


@pytest.mark.slow
def test_the_command_fits_what_the_file_holds(benchmarks):
    table, _ = benchmarks("fit_throughput").fit(Measured(usable_rows()))
    known = efficiency_table()
    np.testing.assert_allclose(known.generation_values, table.generation_values, rtol=0.02)
    np.testing.assert_allclose(known.engine_values, table.engine_values, rtol=0.05)
    np.testing.assert_allclose(known.link_values, table.link_values, rtol=0.05)
    for name, value in table.shared.items():
        assert known.shared[name] == pytest.approx(value, rel=0.05), name


def test_the_file_says_what_it_was_fitted_to():
    assert efficiencies().measurements == len(usable_rows())
    assert sum(row.measurements for row in efficiencies().generations.values()) == len(usable_rows())


def test_the_roofline_alone_beats_flat_shares_of_the_peaks(benchmarks):
    validate, measured = benchmarks("validate_throughput"), Measured(usable_rows())
    fitted = np.median(validate.relative(measured.log_ratios()))
    assert fitted < 0.10
    assert 4 * fitted < np.median(validate.relative(measured.log_ratios(validate.flat_table(0.8, 0.5))))
    assert 8 * fitted < np.median(validate.relative(measured.log_ratios(validate.flat_table(1.0, 1.0))))


@pytest.mark.slow
def test_rows_and_pairs_kept_aside_are_met_as_the_page_says(benchmarks):
    validate, rows = benchmarks("validate_throughput"), usable_rows()
    random = validate.predicted_aside(rows, validate.random_folds(len(rows)))
    pairs = validate.predicted_aside(rows, validate.pair_folds(rows))
    mixture = np.array([validate.open_model(row.model).experts is not None for row in rows])
    seen, unseen = validate.relative(random.log_errors), validate.relative(pairs.log_errors)
    assert np.median(seen) <= 0.05
    assert np.quantile(seen, 0.9) <= 0.30
    assert np.median(unseen[~mixture]) <= 0.10
    assert np.median(unseen[mixture]) <= 0.17
    assert np.quantile(unseen, 0.9) <= 0.30
    for gpu, most in (("a100-80gb-sxm", 0.04), ("h100-sxm", 0.07), ("a10g", 0.17)):
        assert np.median(seen[[row.gpu == gpu for row in rows]]) <= most
    page = (ROOT / "docs" / "validation.md").read_text(encoding="utf-8")
    columns = {"rows kept aside": random.log_errors, "pairs kept aside": pairs.log_errors}
    for kind, row in validate.summary(rows, columns).iterrows():
        shown = next(line for line in page.splitlines() if line.startswith(f"| {kind} | {row['rows']} |")).split("|")
        for place, name in ((3, "rows kept aside"), (4, "pairs kept aside")):
            median, most = map(float, row[name].split("/"))
            assert list(map(float, shown[place].split("/"))) == [
                pytest.approx(median, abs=0.2),
                pytest.approx(most, abs=2.0),
            ]
    for _, covered in validate.coverage(random, pairs).loc[lambda frame: frame.index.str.endswith("all")].iterrows():
        assert 0.75 <= float(covered["within the band"].rstrip("%")) / 100 <= 0.85


def test_each_command_rewrites_its_own_part_of_the_page_alone(benchmarks):
    tables = benchmarks("page_tables")
    page = tables.PAGE.read_text(encoding="utf-8")
    for name in ("summary", "bands", "traffic", "traffic weeks", "traffic statistics", "round trip"):
        changed = tables.replaced(page, name, "| new |")
        assert f"<!-- {name} -->\n| new |\n<!-- end {name} -->" in changed
        before, _, rest = page.partition(f"<!-- {name} -->")
        assert changed.startswith(before)
        assert changed.endswith(rest.partition(f"<!-- end {name} -->")[2])


@pytest.mark.slow
def test_a_known_demand_is_found_inside_of_the_stated_intervals(benchmarks):
    """Half a year instead of one, twice: of so few parameters beside the hours a few more may be outside."""
    trip = benchmarks("fit_round_trip")
    traffic = trip.known_demand()
    found = []
    for seed in range(2):
        found += trip.checks(traffic, trip.fit_recording(trip.drawn_recording(traffic, seed, days=182)))
    shares = trip.shares(found)
    assert shares["all"] >= 0.85
    assert shares["all but the hours"] >= 0.7  # of 18
