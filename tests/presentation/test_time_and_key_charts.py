"""Charts over one key and over the horizon: what is drawn is what was computed."""

import numpy as np
import pytest
from matplotlib.text import Text

import simulator as sim
from simulator.interface import make_plan
from simulator.presentation.charts.cumulative import cumulative_chart
from simulator.presentation.charts.key_costs import key_costs_chart
from simulator.presentation.horizon_report import horizon_table, horizon_view
from simulator.presentation.horizon_wording import payback_sentence, turn_sentence, worth_sentence
from simulator.presentation.key_report import key_sentence, key_table

MACHINE = {
    "nodes": 1,
    "gpus_per_node": 1,
    "usd_per_node": 30_000.0,
    "life_years": 1,
    "support_share_per_year": 0.0,
    "site": "own_room",
    "power": {"idle_w": 0.0, "loaded_w": 1e-9, "usd_per_kwh": 0.0, "pue": 1.0, "kg_co2e_per_kwh": 0.0},
}


def case(months=24, decline=0.0, finance=None, fleet=None, growth=0.0):
    return {
        "title": "Charts",
        "horizon": {"months": months, "step_s": 262_800},
        "traffic": {"tokens_per_month": 9e9, "growth_per_month": growth},
        "workload": {"chat": {"input_tokens": 600, "output_tokens": 400}},
        "finance": finance or {},
        "options": {
            "api": {
                "kind": "api",
                "prices": {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0},
                "terms": {"price_decline": {"share_per_year": decline}},
            },
            "fleet": {
                "kind": "self_hosted",
                "throughput": {"requests_per_s": 1e9},
                "monthly_fixed_usd": {"all": 2_500.0},
                **(fleet or {"rental": {"usd_per_gpu_hour": 0.0}, "one_off_usd": {"set_up": 30_000.0}}),
            },
        },
    }


def view_of(scenario):
    return horizon_view(make_plan(sim.load_scenario(scenario)), "fleet")


def words(figure):
    return [text.get_text() for text in figure.findobj(Text)]


def test_the_chart_of_a_key_draws_both_costs_and_rings_each_crossing():
    found = sim.solve(case(), "options.fleet.monthly_fixed_usd.all")
    figure = key_costs_chart(found, key_sentence(found))
    axes = figure.axes[0]
    baseline, challenger, *_ = axes.lines
    assert (baseline.get_label(), challenger.get_label()) == ("api", "fleet")
    table = key_table(found)
    assert baseline.get_ydata() == pytest.approx(table["baseline_usd_per_month"].to_numpy())
    assert challenger.get_xdata() == pytest.approx(table[found.key].to_numpy())
    rings = [line for line in axes.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in rings] == pytest.approx([9_000.0])
    assert axes.get_xlabel() == "options.fleet.monthly_fixed_usd.all [USD per month]"
    assert axes.get_ylabel() == "Cost [USD per month]"
    assert "9,000: api cheaper above" in words(figure)
    assert "today 2,500" in words(figure)


def test_the_chart_of_a_key_is_drawn_without_a_crossing_and_with_gaps():
    found = sim.solve(case(), "workload.chat.output_tokens", between=(0.0, 1e6))
    figure = key_costs_chart(found, key_sentence(found))
    assert len(figure.axes[0].lines) >= 2


def test_the_chart_over_time_draws_cash_with_its_steps_and_rings_payback_and_undoing():
    view = view_of(case(decline=1 - 2 ** (-12 / 8), months=36))
    figure = cumulative_chart("Charts", view.path, view.switch, view.sentences)
    spent, regret = figure.axes
    api, fleet = spent.lines[:2]
    assert (api.get_label(), fleet.get_label()) == ("api", "fleet")
    assert fleet.get_ydata()[:3] == pytest.approx([0.0, 30_000.0, 32_500.0])
    assert fleet.get_ydata()[-1] == pytest.approx(30_000.0 + 36 * 2_500.0)
    assert api.get_ydata()[-1] == pytest.approx(sum(9_000 * 2 ** (-month / 8) for month in range(36)))
    rings = [line.get_xdata()[0] for line in spent.lines if line.get_marker() == "o"]
    assert rings == pytest.approx([change.months for change in view.path.changes])
    assert {"paid back: month 7", "undone: month 28"} <= set(words(figure))
    assert regret.lines[0].get_ydata() == pytest.approx(view.switch.regret_usd[:-1])
    assert regret.lines[1].get_ydata()[0] == pytest.approx(view.switch.regret_usd[-1])
    assert "never to switch" in words(figure)


def test_months_of_730_h_are_dated_with_the_day_they_begin():
    view = view_of(case(months=6))
    spent = cumulative_chart("Charts", view.path, view.switch, view.sentences).axes[0]
    # two of them after 1 December are 60 days and 20 hours: 30 January, not February
    assert [label.get_text() for label in spent.get_xticklabels()][:3] == [
        "0\n1 Dec 2026",
        "1\n31 Dec 2026",
        "2\n30 Jan 2027",
    ]


def test_a_replacement_stands_upright_in_the_chart():
    view = view_of(case(fleet={"owned": MACHINE}))
    figure = cumulative_chart("Charts", view.path, view.switch, view.sentences)
    times, usd = figure.axes[0].lines[1].get_data()
    at_a_year = usd[np.flatnonzero(times == 12.0)]
    assert at_a_year.max() - at_a_year.min() == pytest.approx(30_000.0)


def test_the_table_over_time_holds_what_the_chart_draws():
    view = view_of(case(growth=0.05, finance={"discount_rate_per_year": 0.1, "revenue_usd_per_month": 20_000.0}))
    table = horizon_table(view)
    assert table["saved_usd"].to_numpy() == pytest.approx(view.path.saved_usd)
    assert table["challenger_cash_usd"].sum() == pytest.approx(30_000.0 + 24 * 2_500.0)
    assert table["fleet share_of_revenue"].to_numpy() == pytest.approx(np.full(24, 0.125))


def test_sentences_say_undone_again_and_never():
    undone = view_of(case(decline=1 - 2 ** (-12 / 8), months=36)).path
    assert payback_sentence(undone, 1.0).endswith("are paid back in month 7 (undone in month 28).")
    replaced = view_of(case(fleet={"owned": MACHINE})).path
    # 6,500 USD saved a month: 30,000 in 4.6; the second machine at month 12 costs what 48,000 saved since can bear
    assert payback_sentence(replaced, 1.0) == "The 30,000 USD at the start of fleet are paid back in month 5."
    never = view_of(case(months=3)).path
    assert payback_sentence(never, 6_500.0).endswith(
        "within the 3 months; at the run rate's saving it takes 4.6 months."
    )
    assert payback_sentence(never, -1.0).endswith("are not paid back within the 3 months.")
    assert turn_sentence(never, make_plan(sim.load_scenario(case()))) == ""
    assert worth_sentence(never) == ""


def test_several_turns_are_counted():
    steps = {"kind": "steps", "steps": [{"from_month": m, "factor": f} for m, f in ((2, 0.1), (4, 1.0), (6, 0.1))]}
    scenario = case(months=12)
    scenario["traffic"] = {"tokens_per_month": 9e9, "growth": steps}
    view = view_of(scenario)
    assert [turn.month for turn in view.path.turns] == [2, 4, 6]
    sentence = turn_sentence(view.path, view.plan)
    # Bill months of 730 h: the third starts 1,460 h after 1 December, the seventh 4,380 h after it.
    assert sentence == (
        "With a changing volume the run rate turns in January 2027: api is the cheaper one; it turns 3 times, "
        "last in June 2027 for api."
    )
