"""Fits the efficiencies of `hardware/efficiencies.yaml` to the measured table, and writes them there.

    python benchmarks/fit_throughput.py            # about a minute on two cores

The roofline's efficiencies (per GPU generation, engine class and link, and shared ones) are found by robust least
squares on ln(measured / roofline), each held near a prior by a standard deviation of its own, so that what no
measurement tells stays at its prior. The settings of anchoring ("likeness") are found with `--likeness` (about a
quarter of an hour) by leave-one-out and leave-one-pair-out prediction; the widths of the bands come from
`benchmarks/validate_throughput.py --bands`.
"""

from __future__ import annotations

import argparse
import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml
from fit_likeness import fitted_likeness
from scipy.optimize import least_squares

from simulator.catalogue.efficiencies import efficiencies, efficiency_table, engine_class
from simulator.catalogue.hardware import gpu
from simulator.catalogue.measured import Measured, usable_rows
from simulator.domain.efficiencies import ENGINE_COLUMNS, GENERATION_COLUMNS, LINK_COLUMNS, LINKS, EfficiencyTable
from simulator.domain.measurements import Measurement

FITTED_ENGINE_COLUMNS = ENGINE_COLUMNS[:3]  # the rest are the engines' own settings
FILE = Path(__file__).parents[1] / "hardware" / "efficiencies.yaml"

# Prior and standard deviation of its logarithm: textbook shares of the peaks and rough times of Python and CUDA.
GENERATION_PRIORS = {
    "volta": (0.80, 0.50, 0.50, 0.30),
    "turing": (0.80, 0.50, 0.50, 0.30),
    "ampere": (0.85, 0.75, 0.50, 0.30),
    "ampere-g": (0.90, 0.70, 0.50, 0.30),
    "ada": (0.90, 0.55, 0.55, 0.30),
    "hopper": (0.90, 0.70, 0.70, 0.50),
    "blackwell": (0.90, 0.60, 0.70, 0.45),
    "blackwell-g": (0.90, 0.65, 0.60, 0.60),
    "cdna3": (0.80, 0.50, 0.30, 0.30),
    "tpu": (0.85, 0.30, 0.30, 0.30),
}
GENERATION_SD = (0.06, 0.25, 0.25, 0.25)
ENGINE_SD = 0.7  # of each of the three times
LINK_SD = (0.3, 0.4)
SHARED_SD = {
    "kv_bandwidth_share": 0.1,
    "decode_compute_share": 0.2,
    "knee": 0.2,
    "attention_compute_share": 0.3,
    "reserve_bytes": 0.2,
    "output_held_share": 0.2,
    "mixture_compute_share": 0.3,
    "mixture_bandwidth_share": 0.2,
    "mixture_layer_s": 0.5,
    "weights_only_bandwidth_share": 0.2,
    "weights_only_compute_share": 0.2,
    "all_to_all_share": 0.5,
    "pipeline_loss_share": 0.4,
    "finite_run_loss_share": 0.4,
    "first_token_s": 0.4,
}
SHARED_PRIORS = {
    "kv_bandwidth_share": 0.9,
    "decode_compute_share": 0.85,
    "knee": 1.4,
    "attention_compute_share": 0.45,
    "reserve_bytes": 2.7e9,
    "output_held_share": 0.6,
    "mixture_compute_share": 0.75,
    "mixture_bandwidth_share": 0.89,
    "mixture_layer_s": 16e-6,
    "weights_only_bandwidth_share": 0.85,
    "weights_only_compute_share": 0.8,
    "all_to_all_share": 0.27,
    "pipeline_loss_share": 0.18,
    "finite_run_loss_share": 0.34,
    "first_token_s": 23e-3,
}
ENGINE_PRIORS = {  # iteration_s, sequence_s, layer_s
    "vllm": (0.13e-3, 22e-6, 59e-6),
    "vllm-before-0.8": (0.47e-3, 80e-6, 155e-6),
    "tensorrt-llm": (0.22e-3, 13e-6, 39e-6),
    "tensorrt-llm-before-0.20": (0.09e-3, 1.1e-6, 118e-6),
    "sglang": (0.90e-3, 48e-6, 63e-6),
    "tgi": (0.71e-3, 3.3e-6, 683e-6),
    "lmdeploy": (0.2e-3, 10e-6, 80e-6),
    "one-client": (2.7e-3, 1e-6, 13e-6),
    "jetstream": (0.5e-3, 20e-6, 80e-6),
    "mlperf": (0.09e-3, 1.1e-6, 60e-6),
}
LINK_PRIORS = {"fast": (0.63, 9.5e-6), "pcie": (0.52, 68e-6)}
MEASUREMENT_SD = 0.12  # of ln(measured / roofline): beyond it a residual counts linearly
MOST_SHARE = 1.0  # no share of a peak is above the peak


def prior_table(engines: Sequence[str], engine_values: np.ndarray) -> EfficiencyTable:
    """The table at its priors; batch caps and memory shares are the engines' own settings and stay."""
    times = np.array([ENGINE_PRIORS[name] for name in engines])
    return EfficiencyTable(
        generations=tuple(GENERATION_PRIORS),
        generation_values=np.array(list(GENERATION_PRIORS.values())),
        engines=tuple(engines),
        engine_values=np.hstack([times, engine_values[:, 3:]]),
        link_values=np.array([LINK_PRIORS["fast"], LINK_PRIORS["pcie"]]),
        shared=dict(SHARED_PRIORS),
    )


def deviations(table: EfficiencyTable) -> np.ndarray:
    """Standard deviation of the logarithm of every fitted number, in the order of `scaled`."""
    generations, engines = len(table.generations), len(table.engines)
    return np.concatenate(
        [
            np.tile(GENERATION_SD, generations),
            np.full(3 * engines, ENGINE_SD),
            np.tile(LINK_SD, 2),
            [SHARED_SD[name] for name in table.shared],
        ]
    )


def scaled(table: EfficiencyTable, log_factors: np.ndarray) -> EfficiencyTable:
    """The table with every fitted number multiplied by e to the power of its place in `log_factors`."""
    factors = np.exp(log_factors)
    generations, engines = 4 * len(table.generations), 3 * len(table.engines)
    by_generation, by_engine, by_link, by_name = np.split(
        factors, [generations, generations + engines, generations + engines + 4]
    )
    engine_values = table.engine_values.copy()
    engine_values[:, :3] *= by_engine.reshape(-1, 3)
    shared = {name: value * by_name[i] for i, (name, value) in enumerate(table.shared.items())}
    for name in shared:
        if name.endswith("_share"):
            shared[name] = min(shared[name], MOST_SHARE)
    return replace(
        table,
        generation_values=np.minimum(table.generation_values * by_generation.reshape(-1, 4), MOST_SHARE),
        engine_values=engine_values,
        link_values=np.minimum(table.link_values * by_link.reshape(2, 2), MOST_SHARE),
        shared=shared,
    )


def softened(residuals: np.ndarray) -> np.ndarray:
    """Residuals in standard deviations whose squares grow linearly beyond one: outliers pull, but do not rule."""
    return np.sign(residuals) * np.sqrt(2.0 * (np.sqrt(1.0 + residuals**2) - 1.0))


def fit(
    measured: Measured, start: np.ndarray | None = None, most_steps: int = 20
) -> tuple[EfficiencyTable, np.ndarray]:
    """The table that fits measurements best, and its logarithmic factors over the priors."""
    known = efficiency_table()
    prior = prior_table(known.engines, known.engine_values)
    sd = deviations(prior)

    def residuals(log_factors: np.ndarray) -> np.ndarray:
        missed = measured.log_ratios(scaled(prior, log_factors)) / MEASUREMENT_SD
        return np.concatenate([softened(np.clip(missed, -25.0, 25.0)), log_factors / sd])

    found = least_squares(residuals, np.zeros(sd.size) if start is None else start, max_nfev=most_steps).x
    return scaled(prior, found), found


def counts(rows: Sequence[Measurement]) -> tuple[Counter[str], Counter[str]]:
    """Measurements by GPU generation and by engine class."""
    by_generation = Counter(gpu(row.gpu).generation for row in rows)
    return by_generation, Counter(engine_class(row.engine, row.engine_version) for row in rows)


def rounded(value: float) -> float:
    """Three significant digits, all that a fit is worth."""
    return float(f"{value:.3g}")


def written(table: EfficiencyTable, rows: Sequence[Measurement]) -> dict[str, object]:
    """The content of the file, with what is not fitted as it stands."""
    by_generation, by_engine = counts(rows)
    old = efficiencies().model_dump(mode="json")
    generations = {
        name: {
            **{column: rounded(value) for column, value in zip(GENERATION_COLUMNS, values, strict=True)},
            "measurements": by_generation[name],
        }
        for name, values in zip(table.generations, table.generation_values, strict=True)
    }
    engines = {
        name: {
            **{key: value for key, value in old["engines"][name].items() if value is not None},
            **{column: rounded(value) for column, value in zip(FITTED_ENGINE_COLUMNS, values, strict=False)},
            "measurements": by_engine[name],
        }
        for name, values in zip(table.engines, table.engine_values, strict=True)
    }
    links = {
        name: {column: rounded(value) for column, value in zip(LINK_COLUMNS, values, strict=True)}
        for name, values in zip(LINKS, table.link_values, strict=True)
    }
    return {
        **old,
        "fitted_on": datetime.date.today().isoformat(),
        "measurements": len(rows),
        "generations": generations,
        "engines": engines,
        "links": links,
        "shared": {name: rounded(value) for name, value in table.shared.items()},
    }


def save(content: Mapping[str, object]) -> None:
    """Write the file, its opening comment kept."""
    text = FILE.read_text(encoding="utf-8")
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    body = yaml.safe_dump(dict(content), sort_keys=False, default_flow_style=None, width=118)
    FILE.write_text(comment + body, encoding="utf-8")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--likeness", action="store_true", help="find the settings of anchoring as well")
    given = arguments.parse_args()
    measured = Measured(usable_rows())
    table, _ = fit(measured)
    ratios = measured.log_ratios(table)
    error = np.abs(np.expm1(-ratios))
    print(f"{ratios.size} rows: roofline off by {np.median(error):.1%} (median), {np.quantile(error, 0.9):.1%} (90 %)")
    content = written(table, measured.rows)
    if given.likeness:
        content["likeness"] = fitted_likeness(measured, ratios, content["likeness"])
    save(content)


if __name__ == "__main__":
    main()
