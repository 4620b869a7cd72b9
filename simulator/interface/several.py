"""Several scenarios: levers, comparisons, sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from simulator import __version__
from simulator.catalogue.digest import results_digest
from simulator.catalogue.lever_facts import lever_facts
from simulator.catalogue.planning import make_plan
from simulator.config.finished_runs import is_finished_run, read_finished_run
from simulator.config.lever_documents import plan_with
from simulator.config.scenarios import check_plan, scenario_document
from simulator.config.sweeps import load_sweep
from simulator.domain.compared import ComparedRun
from simulator.domain.scenario import Scenario
from simulator.interface.scenarios import ScenarioLike, load_scenario
from simulator.solving.compared_study import comparison_of, solved_run
from simulator.solving.comparison import Comparison
from simulator.sweeping.frames import sweep_frame
from simulator.sweeping.levers import LeverStudy, lever_study
from simulator.sweeping.pools import cluster_pool, local_pool
from simulator.sweeping.run import SweepJob, run_sweep
from simulator.sweeping.store import NAME as STORE_NAME
from simulator.sweeping.store import Store


def compare(
    a: ScenarioLike,
    b: ScenarioLike | None = None,
    *,
    overrides: Mapping[str, object] | None = None,
    options: Mapping[str, str] | None = None,
    challengers: tuple[str, str] | None = None,
    over_time: bool = False,
) -> Comparison:
    """What differs between two runs in input and in result, and which lines of the bill explain it.

    Parameters
    ----------
    a, b : Scenario, name, path or mapping
        What `load_scenario` takes, its result, or the folder (or `summary.json`) of a finished run. `b` left out: `a`
        with the overrides.
    overrides : mapping, optional
        Values by dotted key, set in `b`, which is then no finished run and no Scenario.
    options : mapping, optional
        Options of `a` and those of `b` they are held against; left out: those of the same name, else baseline against
        baseline and first challenger against first challenger.
    challengers : (name in a, name in b), optional
        Whose difference to the baseline is explained; left out: the first challenger.
    over_time : bool
        Bills over the horizon; else those of a month at run rate, unless none of these differs.

    Returns
    -------
    Comparison
        `.inputs`, `.figures` and `.results` that differ; `.bill("llama")` with `.steps`, the greatest first, and
        `.volume_step`; `.gap` between challenger and baseline.

    Raises
    ------
    ValueError
        If a scenario or a run has faults, an option is not there, or there is nothing to compare with.

    Examples
    --------
    >>> import simulator as sim
    >>> found = sim.compare("minimal", overrides={"options.fleet.rental.usd_per_gpu_hour": 2.0})
    >>> [(step.line, step.difference < 0) for step in found.bill("fleet").steps if step.difference]
    [('rent', True)]
    """
    if b is None and not overrides:
        raise ValueError("b is missing; give another scenario or run, or overrides")
    first = _compared(a, "a")
    other = _compared(a if b is None else b, "b", overrides)
    held = tuple((options or {}).items())
    return comparison_of(first, other, make_plan, options=held, challengers=challengers, over_time=over_time)


def levers(scenario: str | Path | Mapping[str, Any], *, overrides: Mapping[str, object] | None = None) -> LeverStudy:
    """What each way to cut the bill saves, alone and together, at the API and at each fleet, beside what is published.

    Parameters
    ----------
    scenario : name, path or mapping
        What `load_scenario` takes. Its key `levers` holds what is assumed.
    overrides : mapping, optional
        As in `load_scenario`.

    Returns
    -------
    LeverStudy
        `.outcome("batch")` with `.savings`, `.break_even`, `.claims`, and `.reason` where it was not run; `.together`;
        `.table()`.

    Raises
    ------
    ValueError
        If the scenario is faulty, or compares neither an API nor a fleet.

    Examples
    --------
    >>> import simulator as sim
    >>> study = sim.levers("minimal", overrides={"levers.batch.share": 1.0})
    >>> round(study.outcome("batch").savings[0].share, 6)
    0.5
    """
    document = scenario_document(scenario, overrides, origin="overrides")
    plan = check_plan(document, make_plan, infeasible=False)
    return lever_study(plan, plan_with(document, make_plan), lever_facts(plan.scenario))


def sweep(
    sweep: str | Path | Mapping[str, Any],
    *,
    overrides: Mapping[str, object] | None = None,
    conditions: Sequence[str] = (),
    output: str | Path | None = None,
    jobs: int = 1,
    cluster: str | None = None,
    retry_failed: bool = False,
) -> pd.DataFrame:
    """Solve every point of a sweep: break-even of every challenger, and what each option costs at the own volume.

    Parameters
    ----------
    sweep : str, Path or mapping
        Name of a bundled sweep, path of a file, or the same content as a mapping.
    overrides : mapping, optional
        Set over the base scenario, by dotted key.
    conditions : sequence of str
        `KEY OPERATOR VALUE`: only points that meet all of them.
    output : str or Path, optional
        Folder whose `sweeps.sqlite` keeps the results: points that it holds are not solved again. Left out: none.
    jobs : int
        Processes that solve; with more than 1 a script must be guarded by `if __name__ == "__main__":`.
    cluster : str, optional
        Address of a Dask scheduler in place of processes here, or `local`.
    retry_failed : bool
        Solve points again whose kept result is a fault.

    Returns
    -------
    DataFrame
        One row a point and option: `point`, a column for everything that varies, `option`, `role`, `status`,
        `first_tokens_per_month`, `settled_tokens_per_month`, `usd_per_month` and more. A point that can't be had has
        one row with status `fault` and its `message`.

    Raises
    ------
    ValueError
        If the sweep or its base has faults (all of them in the message).
    OSError
        If the store or the workers can't be used.

    Examples
    --------
    >>> import simulator as sim
    >>> rents = {"options.fleet.rental.usd_per_gpu_hour": [2, 3]}
    >>> quick = {"horizon.days": 2}
    >>> rows = sim.sweep({"title": "Rents", "base": "minimal", "set": quick, "grid": rents})
    >>> rows["option"].tolist()
    ['api', 'fleet', 'api', 'fleet']
    """
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}, must be at least 1")
    checked, base = load_sweep(sweep, make_plan, overrides, conditions)
    name = "sweep" if isinstance(sweep, Mapping) else Path(sweep).stem
    job = SweepJob(checked, base, name, results_digest(), __version__)
    if cluster is not None:
        job = replace(job, base=job.base.carrying_files())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()) if output is None else output)
        store = stack.enter_context(Store.writing(folder / STORE_NAME))
        pool = stack.enter_context(local_pool(jobs) if cluster is None else cluster_pool(cluster, jobs))
        run_sweep(job, store, pool, results_digest, retry_failed=retry_failed)
        return sweep_frame(checked, store, job.key, job.numbers())


def _compared(given: ScenarioLike, role: str, overrides: Mapping[str, object] | None = None) -> ComparedRun:
    """A scenario, solved, or a finished run, read."""
    if isinstance(given, str | Path) and is_finished_run(str(given)):
        if overrides:
            raise ValueError(f"overrides need a scenario, '{given}' is a finished run")
        return read_finished_run(str(given), __version__)
    if isinstance(given, Scenario):
        if overrides:
            raise ValueError("overrides are for a name, path or mapping; load_scenario takes them for a Scenario")
        return solved_run(role, make_plan(given))
    name = Path(given).stem if isinstance(given, str | Path) else role
    return solved_run(name, make_plan(load_scenario(given, overrides)))
