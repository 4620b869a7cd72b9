"""Keys of a preset below those of the user."""

import pytest

from simulator.config.merging import merged_below

PRESET = {
    "timezone": "UTC",
    "weekday_hours": [1.0] * 24,
    "weekend_hours": [0.5] * 24,
    "noise": {"taylor_exponent": 1.4, "parts": {"fast": {"relative_sd": 0.1}, "slow": {"relative_sd": 0.2}}},
    "spikes": {"per_week": 3.0, "least_height_to_mean": 1.0, "greatest_height_to_mean": 9.0, "tail_index": 1.25},
    "events": {"launch": {"kind": "launch", "after_days": 7, "factor": 10}},
    "requests_per_day": 100.0,
    "growth_per_month": 0.1,
}


def merged(given):
    return merged_below(given, PRESET)[0]


def test_what_the_user_leaves_out_is_the_preset_s():
    assert merged({}) == PRESET


def test_what_the_user_gives_counts_and_the_rest_of_its_mapping_stays():
    assert merged({"spikes": {"per_week": 5.0}})["spikes"] == {**PRESET["spikes"], "per_week": 5.0}
    assert merged({"noise": {"parts": {"fast": {"relative_sd": 0.3}}}})["noise"]["parts"] == {
        "fast": {"relative_sd": 0.3},
        "slow": {"relative_sd": 0.2},
    }
    assert merged({"timezone": "Europe/Paris"})["timezone"] == "Europe/Paris"


def test_lists_are_replaced_as_a_whole():
    assert merged({"weekday_hours": [2.0] * 24})["weekday_hours"] == [2.0] * 24


def test_null_takes_a_part_of_the_preset_out():
    assert "noise" not in merged({"noise": None})
    assert merged({"noise": {"parts": {"slow": None}}})["noise"]["parts"] == {"fast": {"relative_sd": 0.1}}


def test_null_of_one_half_of_the_week_takes_the_other_out_too():
    assert not {"weekday_hours", "weekend_hours"} & set(merged({"weekday_hours": None}))


def test_null_that_takes_nothing_out_is_left_for_the_check():
    assert merged({"jobs": None})["jobs"] is None


@pytest.mark.parametrize(
    ("given", "gone"),
    [
        ({"diurnal": {"peak_hour": 14, "peak_to_mean": 2}}, {"weekday_hours", "weekend_hours"}),
        ({"hourly_weights": [1.0] * 168}, {"weekday_hours", "weekend_hours"}),
        ({"tokens_per_month": 1e9}, {"requests_per_day"}),
        ({"daily_users": 1e3, "sessions_per_user": 2.0}, {"requests_per_day"}),
        ({"growth": {"kind": "linear", "per_month": 0.1}}, {"growth_per_month"}),
    ],
)
def test_another_way_to_say_the_same_takes_the_preset_s_out(given, gone):
    assert set(PRESET) - set(merged(given)) == gone


@pytest.mark.parametrize(
    ("section", "given", "gone"),
    [
        ("noise", {"relative_sd": 0.2}, {"parts"}),
        ("spikes", {"per_month": 4.0}, {"per_week"}),
        ("spikes", {"height_to_mean": 3.0}, {"least_height_to_mean", "greatest_height_to_mean"}),
    ],
)
def test_another_way_within_a_section_takes_that_of_the_preset_out(section, given, gone):
    assert set(PRESET[section]) - set(merged({section: given})[section]) == gone


def test_a_date_takes_the_place_of_the_days_after_the_start():
    launch = merged({"events": {"launch": {"at": "2027-03-01"}}})["events"]["launch"]
    assert launch == {"kind": "launch", "at": "2027-03-01", "factor": 10}


def test_an_event_of_another_kind_takes_the_preset_s_place_whole():
    surge = {"kind": "surge", "after_days": 2, "hours": 3, "factor": 2}
    assert merged({"events": {"launch": surge}})["events"]["launch"] == surge


def test_the_keys_that_were_brought_in_are_told():
    places = merged_below({"noise": {"taylor_exponent": 1.6}, "spikes": None, "events": {}}, PRESET)[1]
    assert ("noise", "parts") in places
    assert ("events", "launch") in places
    assert not any(loc[0] == "spikes" for loc in places)
    assert ("noise", "taylor_exponent") not in places


def test_neither_the_user_s_data_nor_the_preset_s_are_changed():
    given = {"noise": {"parts": {"slow": None}}}
    before = (repr(given), repr(PRESET))
    merged(given)
    assert (repr(given), repr(PRESET)) == before
