"""How far estimates of throughput are off, on measurements they have not seen; writes the tables of docs/validation.md.

    python benchmarks/validate_throughput.py            # prints the tables; about two minutes on two cores
    python benchmarks/validate_throughput.py --write    # and puts them into docs/validation.md
    python benchmarks/validate_throughput.py --bands    # and the widths of the bands into hardware/efficiencies.yaml

Twice, once with a random fifth of the rows kept aside in turn and once with every pair of model and GPU: efficiencies
are fitted again without the rows kept aside, the others anchor, and the kept ones are compared. The settings of
anchoring are those of the file: they hold for all pairs alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from fit_throughput import fit, save
from page_tables import PAGE, markdown, replaced
from scipy.optimize import brentq

from simulator.catalogue.anchors import Anchoring, anchoring_on, nearest_rows
from simulator.catalogue.efficiencies import efficiencies, efficiency_table, engine_class, likeness
from simulator.catalogue.estimating import HALF_WIDTH_OF_80_PERCENT
from simulator.catalogue.hardware import open_model
from simulator.catalogue.measured import Measured, usable_rows
from simulator.domain.efficiencies import EfficiencyTable
from simulator.domain.kriging import category_covariance, fading
from simulator.domain.measurements import Measurement
from simulator.domain.throughput import LEAST_LIKENESS, NEARBY_LIKENESS

FOLDS = 5
REFIT_STEPS = 4  # from the fit to all rows, which is near
EVIDENCE = ("measured nearby", "same model and GPU, other settings", "roofline, dense", "roofline, mixture")
BANDS = ("measured_nearby", "other_settings", "elsewhere_dense", "elsewhere_mixture")
COVERED_SHARE = 0.8


@dataclass
class Kept:
    """What was predicted for rows while they were kept aside."""

    log_errors: np.ndarray  # ln(measured / predicted), times turned round
    sd: np.ndarray
    evidence: np.ndarray  # index into EVIDENCE


def shape_of(row: Measurement) -> str:
    """Id of the shape of a measurement's model."""
    return open_model(row.model).shape_id


def pair_of(row: Measurement) -> tuple[str, str]:
    """Shape of the model, and GPU."""
    return shape_of(row), row.gpu


def predicted_aside(rows: Sequence[Measurement], folds: np.ndarray) -> Kept:
    """Predict every row from the rows of other folds alone."""
    everything = Measured(rows)
    _, start = fit(everything)
    kept = Kept(np.zeros(len(rows)), np.zeros(len(rows)), np.zeros(len(rows), dtype=int))
    for fold in np.unique(folds):
        aside = np.flatnonzero(folds == fold)
        training = [row for row, number in zip(rows, folds, strict=True) if number != fold]
        table, _ = fit(Measured(training), start, REFIT_STEPS)
        pairs = {pair_of(rows[index]) for index in aside}
        for pair in sorted(pairs):
            index = np.array([number for number in aside if pair_of(rows[number]) == pair])
            some = [rows[number] for number in index]
            model, gpu = some[0].model, some[0].gpu
            anchoring = anchoring_on(nearest_rows(training, model, gpu), model, gpu, table=table)
            kept.log_errors[index], kept.sd[index], kept.evidence[index] = _predicted(some, anchoring, table)
    return kept


def _predicted(
    rows: Sequence[Measurement], anchoring: Anchoring, table: EfficiencyTable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    settings, anchors = likeness(), anchoring.anchors
    measured = Measured(rows)
    situations = measured.situations()
    covariance = category_covariance(situations, anchors.situations, settings)
    covariance *= fading(situations.coordinates, anchors.situations.coordinates, settings)
    errors = measured.log_ratios(table) - covariance @ anchors.weights
    explained = ((covariance @ anchors.inverse) * covariance).sum(axis=1)
    sd = np.sqrt(np.maximum(settings.sd**2 - explained, 0.0) + settings.noise_sd**2)
    same_pair = covariance[:, anchoring.is_same_pair].max(axis=1, initial=0.0) / settings.sd**2
    mixture = open_model(rows[0].model).experts is not None
    elsewhere = np.where(same_pair >= LEAST_LIKENESS, 1, 3 if mixture else 2)
    return errors, sd, np.where(same_pair >= NEARBY_LIKENESS, 0, elsewhere)


def random_folds(count: int) -> np.ndarray:
    """A fold for every row, all folds about equally large."""
    return np.random.default_rng(0).permutation(count) % FOLDS


def pair_folds(rows: Sequence[Measurement]) -> np.ndarray:
    """Every pair of model shape and GPU a fold of its own."""
    pairs = {pair: number for number, pair in enumerate(sorted({pair_of(row) for row in rows}))}
    return np.array([pairs[pair_of(row)] for row in rows])


def relative(log_errors: np.ndarray) -> np.ndarray:
    """|predicted / measured - 1|."""
    return np.abs(np.expm1(-log_errors))


def flat_table(bandwidth_share: float, compute_share: float) -> EfficiencyTable:
    """The roofline with flat shares of the peaks, nothing lost elsewhere."""
    known = efficiency_table()
    engines = known.engine_values.copy()
    engines[:, :3] = 0.0
    shared = {name: 1.0 if name.endswith("_share") else 0.0 for name in known.shared}
    shared |= {"knee": np.inf, "pipeline_loss_share": 0.0, "finite_run_loss_share": 0.0, "output_held_share": 0.5}
    return EfficiencyTable(
        generations=known.generations,
        generation_values=np.tile([bandwidth_share, *[compute_share] * 3], (len(known.generations), 1)),
        engines=known.engines,
        engine_values=engines,
        link_values=np.array([[1.0, 0.0], [1.0, 0.0]]),
        shared=shared,
    )


def summary(rows: Sequence[Measurement], columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """Median and 90th percentile of the relative error, over all rows and by kind."""
    mixture = np.array([open_model(row.model).experts is not None for row in rows])
    sets: dict[str, np.ndarray] = {"all": np.full(len(rows), True), "dense": ~mixture, "mixture of experts": mixture}
    table = {}
    for name, chosen in sets.items():
        table[name] = {"rows": int(chosen.sum())}
        for label, errors in columns.items():
            table[name][label] = _quantiles(relative(errors[chosen]))
    return pd.DataFrame(table).T


def by(
    rows: Sequence[Measurement], key: Callable[[Measurement], str], random: np.ndarray, pairs: np.ndarray, least: int
) -> pd.DataFrame:
    """The same by GPU, model, engine or regime."""
    names = np.array([key(row) for row in rows])
    table = {}
    for name in sorted(set(names), key=lambda name: -(names == name).sum()):
        chosen = names == name
        if chosen.sum() >= least:
            table[name] = {
                "rows": int(chosen.sum()),
                "rows kept aside": _quantiles(relative(random[chosen])),
                "pairs kept aside": _quantiles(relative(pairs[chosen])),
            }
    return pd.DataFrame(table).T


def coverage(random: Kept, pairs: Kept) -> pd.DataFrame:
    """Share of rows within the 80 % band, by evidence and over all."""
    bands = efficiencies().bands
    further = np.array([getattr(bands, name) for name in BANDS])
    table = {}
    for label, kept in (("rows kept aside", random), ("pairs kept aside", pairs)):
        half_width = HALF_WIDTH_OF_80_PERCENT * np.hypot(kept.sd, further[kept.evidence])
        inside, half = np.abs(kept.log_errors) <= half_width, np.exp(half_width)
        for number, evidence in enumerate(EVIDENCE):
            chosen = kept.evidence == number
            if chosen.sum():
                table[(label, evidence)] = {
                    "rows": int(chosen.sum()),
                    "within the band": f"{inside[chosen].mean():.0%}",
                    "typical band": f"×/÷ {np.median(half[chosen]):.2f}",
                }
        table[(label, "all")] = {"rows": len(inside), "within the band": f"{inside.mean():.0%}", "typical band": ""}
    frame = pd.DataFrame(table).T
    frame.index = [f"{label}: {evidence}" for label, evidence in frame.index]
    return frame


def fitted_bands(random: Kept, pairs: Kept) -> dict[str, float]:
    """Standard deviations on top of what anchoring leaves with which 80 % bands hold 80 % of the rows, by evidence."""
    found = {}
    for number, name in enumerate(BANDS):
        errors = np.concatenate([np.abs(kept.log_errors)[kept.evidence == number] for kept in (random, pairs)])
        sd = np.concatenate([kept.sd[kept.evidence == number] for kept in (random, pairs)])

        def covered(further: float, errors: np.ndarray = errors, sd: np.ndarray = sd) -> float:
            return float(np.mean(errors <= HALF_WIDTH_OF_80_PERCENT * np.hypot(sd, further))) - COVERED_SHARE

        wide_enough = covered(0.0) >= 0.0
        found[name] = 0.0 if wide_enough else float(f"{brentq(covered, 0.0, 2.0):.3g}")
    return found


def _quantiles(errors: np.ndarray) -> str:
    return f"{np.median(errors) * 100:.1f} / {np.quantile(errors, 0.9) * 100:.0f}"


def tables(rows: Sequence[Measurement], random: Kept, pairs: Kept) -> Iterable[tuple[str, str]]:
    """Every table by the name of its mark."""
    measured = Measured(rows)
    columns = {
        "rows kept aside": random.log_errors,
        "pairs kept aside": pairs.log_errors,
        "ideal roofline": measured.log_ratios(flat_table(1.0, 1.0)),
        "flat 80 % / 50 %": measured.log_ratios(flat_table(0.8, 0.5)),
    }
    yield "summary", markdown(summary(rows, columns), "")
    for name, key, least in (
        ("gpus", lambda row: row.gpu, 10),
        ("models", shape_of, 10),
        ("engines", lambda row: engine_class(row.engine, row.engine_version), 1),
        ("regimes", lambda row: row.regime, 1),
    ):
        yield name, markdown(by(rows, key, random.log_errors, pairs.log_errors, least), name[:-1])
    yield "bands", markdown(coverage(random, pairs), "")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--write", action="store_true", help="put the tables into docs/validation.md")
    arguments.add_argument("--bands", action="store_true", help="put the widths into hardware/efficiencies.yaml")
    given = arguments.parse_args()
    rows = usable_rows()
    random, pairs = predicted_aside(rows, random_folds(len(rows))), predicted_aside(rows, pair_folds(rows))
    text = PAGE.read_text(encoding="utf-8")
    for name, table in tables(rows, random, pairs):
        print(f"\n{name}\n{table}")
        text = replaced(text, name, table)
    bands = fitted_bands(random, pairs)
    print(f"\nbands {bands}")
    if given.bands:
        save({**efficiencies().model_dump(mode="json", exclude_none=True), "bands": bands})
    if given.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
