"""What the paths of a study say together: bands, probabilities and choices as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.domain.path_draws import independent_sequences
from simulator.domain.plans import Array
from simulator.domain.scenario import Scenario
from simulator.domain.uncertainty import Uncertainty
from simulator.solving.path_statistics import half_width_share, median_interval, quantile, simultaneous_half_width
from simulator.solving.paths import PathAnswer, is_cheaper
from simulator.solving.study import INFEASIBLE, Study

TRAFFIC, INPUTS, BOTH = "traffic", "inputs", "inputs and traffic"
SHARES = {"p05": 0.05, "p10": 0.10, "p50": 0.50, "p90": 0.90, "p95": 0.95}
_PROBABILITY_VOLUMES = 128


@dataclass(frozen=True, eq=False)
class PairUnderUncertainty:
    """One challenger against the baseline, over the paths.

    Attributes
    ----------
    bands : DataFrame
        One row for what varies (`traffic`, `inputs`, `inputs and traffic`) and quantity (`first`, `settled`): `paths`,
        quantiles `p05` to `p95` [tokens per month; infinite: never], `never_share` and `infeasible_share`, which is
        part of it.
    median_interval : pair of floats
        90 % interval of the median of the settled crossing, inputs varying. [tokens per month]
    probability : DataFrame
        `tokens_per_month`, `p_cheaper` that the challenger is the cheaper one there, inputs varying, and the band
        `low` to `high` that holds the true curve at all volumes together with probability 0.9.
    p_cheaper_at_own_volume : float
        The same at each path's own volume. An option that can't be had is not cheaper. [1]
    reasons : mapping
        Share of the paths without a settled crossing by why; `challenger_always_cheaper` has one at 0.
    """

    baseline: str
    challenger: str
    bands: pd.DataFrame
    median_interval: tuple[float, float]
    half_width_share: float
    probability: pd.DataFrame
    p_cheaper_at_own_volume: float
    reasons: Mapping[str, float]

    def band(self, quantity: str = "settled", varying: str = INPUTS) -> pd.Series:
        """One row of `bands`."""
        rows = self.bands[(self.bands["varying"] == varying) & (self.bands["quantity"] == quantity)]
        if rows.empty:
            raise ValueError(f"varying is '{varying}' and quantity '{quantity}', must be those of a row of bands")
        return rows.iloc[0]


def pair_of_paths(
    name: str, scenario: Scenario, groups: Mapping[str, Sequence[PathAnswer]], volumes: Array, seed: int
) -> PairUnderUncertainty:
    """One challenger over the paths of each group, by what varies; its probabilities at volumes."""
    rows = []
    for varying, answers in groups.items():
        if not answers:
            continue
        infeasible = float(np.mean([answer.pairs[name].reason == INFEASIBLE for answer in answers]))
        for quantity in ("first", "settled"):
            places = np.array([getattr(answer, quantity)(name) for answer in answers])
            rows.append(
                {"varying": varying, "quantity": quantity, "paths": len(answers)}
                | {column: quantile(places, share) for column, share in SHARES.items()}
                | {"never_share": float(np.mean(np.isinf(places))), "infeasible_share": infeasible}
            )
    answers = groups[INPUTS] or groups[TRAFFIC]
    settled = np.array([answer.settled(name) for answer in answers])
    sequences = independent_sequences(scenario.uncertainty or Uncertainty(), len(answers))
    interval = median_interval(settled, seed, sequences)
    reasons = [answer.pairs[name].reason for answer in answers]
    own = [answer.usd_per_month for answer in answers]
    return PairUnderUncertainty(
        baseline=scenario.baseline,
        challenger=name,
        bands=pd.DataFrame(rows),
        median_interval=interval,
        half_width_share=half_width_share(quantile(settled, 0.5), interval),
        probability=_probability(name, answers, volumes, seed, sequences),
        p_cheaper_at_own_volume=float(
            np.mean([usd.get(name, math.nan) < usd.get(scenario.baseline, math.nan) for usd in own])
        ),
        reasons={reason: reasons.count(reason) / len(reasons) for reason in dict.fromkeys(reasons) if reason},
    )


def probability_volumes(answers: Sequence[PathAnswer]) -> Array:
    """Volumes around all crossings of the paths and their own volumes."""
    places = [one.tokens_per_month for answer in answers for pair in answer.pairs.values() for one in pair.crossings]
    places += [answer.tokens_per_month for answer in answers if answer.tokens_per_month > 0]
    finite = np.array([place for place in places if 0 < place < math.inf] or [1e9])
    low, high = float(np.quantile(finite, 0.005)) / 2.0, float(np.quantile(finite, 0.995)) * 2.0
    return np.geomspace(low, high, _PROBABILITY_VOLUMES)


def _probability(name: str, answers: Sequence[PathAnswer], volumes: Array, seed: int, sequences: int) -> pd.DataFrame:
    """P(challenger cheaper) at volumes, with the band that holds all of it."""
    cheaper = np.stack([is_cheaper(answer.pairs[name], volumes) for answer in answers])
    p = cheaper.mean(axis=0)
    half = simultaneous_half_width(cheaper, seed, sequences)
    return pd.DataFrame(
        {
            "tokens_per_month": volumes,
            "p_cheaper": p,
            "low": np.maximum(p - half, 0.0),
            "high": np.minimum(p + half, 1.0),
        }
    )


def choices(answers: Sequence[PathAnswer], at_medians: Study) -> tuple[pd.DataFrame, float]:
    """What each choice costs at the own volume, and what knowing before choosing is worth."""
    names = [name for name, option in at_medians.options.items() if not option.is_lower_bound]
    usd = np.array([[answer.usd_per_month.get(name, math.nan) for name in names] for answer in answers])
    had = ~np.isnan(usd)
    compared = had.all(axis=1)  # averages over the same paths
    rows = {"option": names, "infeasible_share": (1.0 - had.mean(axis=0)).tolist()}
    cheapest = np.where(had, usd, np.inf).argmin(axis=1)
    could = had.any(axis=1)
    rows["p_cheapest"] = [float(np.mean((cheapest == place) & could)) for place in range(len(names))]
    if not compared.any():
        nothing = [math.nan] * len(names)
        table = pd.DataFrame({**rows, "expected_usd_per_month": nothing, "expected_regret_usd_per_month": nothing})
        return table, math.nan
    regret = usd[compared] - usd[compared].min(axis=1, keepdims=True)
    table = pd.DataFrame(
        {
            **rows,
            "expected_usd_per_month": usd[compared].mean(axis=0),
            "expected_regret_usd_per_month": regret.mean(axis=0),
        }
    )
    columns = [
        "option", "expected_usd_per_month", "expected_regret_usd_per_month", "p_cheapest", "infeasible_share",
    ]  # fmt: skip
    return table[columns], float(regret.mean(axis=0).min())


def cost_bands(groups: Mapping[str, Sequence[PathAnswer]], volumes: Array) -> pd.DataFrame:
    """Quantiles of every option's cost over volume, by what varies; paths on which it can't be planned left out."""
    tables = []
    for varying, answers in groups.items():
        for name in dict.fromkeys(name for answer in answers for name in answer.curves):
            usd = np.stack([answer.curves[name] for answer in answers if name in answer.curves])
            table = pd.DataFrame({"varying": varying, "option": name, "tokens_per_month": volumes})
            for column, share in SHARES.items():
                table[column] = np.quantile(usd, share, axis=0)
            tables.append(table)
    columns = ["varying", "option", "tokens_per_month", *SHARES]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
