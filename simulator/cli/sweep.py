"""`breakeven sweep`: break-even at every point of a sweep, on every core or on a cluster, resumable."""

from __future__ import annotations

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from simulator.cli.common import json_option, output_option, parsed_overrides, progress, set_option

if TYPE_CHECKING:
    from simulator.sweeping.run import SweepJob
    from simulator.sweeping.store import Progress

_EXIT_INTERRUPTED = 130
_FEWEST_EACH = 4  # points for which a worker is started


@click.command("sweep")
@click.argument("sweep_file", metavar="SWEEP")
@set_option
@click.option(
    "--filter", "conditions", metavar="CONDITION", multiple=True,
    help="Only points that meet it, e.g. --filter 'traffic.diurnal.peak_to_mean <= 3'; any number of times.",
)  # fmt: skip
@click.option("-j", "--jobs", type=click.IntRange(1), help="Workers on this machine.  [default: every core]")
@click.option("--threads", is_flag=True, help="Workers are threads of one process, which need less memory.")
@click.option("--cluster", metavar="ADDRESS", help="Workers of a Dask scheduler, tcp://host:8786, or `local`.")
@click.option("--resume/--no-resume", default=True, show_default=True, help="Keep what was solved before.")
@click.option("--retry-failed", is_flag=True, help="Solve points again that ended with a fault.")
@click.option("--dry-run", is_flag=True, help="Tell how many points, what they take, the first five; write nothing.")
@click.option("--status", "only_status", is_flag=True, help="Tell how many points are solved; write nothing.")
@click.option("--parquet", is_flag=True, help="Write sweep.parquet beside sweep.csv.")
@output_option
@json_option
def command(
    sweep_file: str, overrides: tuple[str, ...], conditions: tuple[str, ...], jobs: int | None, threads: bool,
    cluster: str | None, resume: bool, retry_failed: bool, dry_run: bool, only_status: bool, parquet: bool,
    output: Path, as_json: bool,
) -> None:  # fmt: skip
    """Break-even at every point of a sweep over a scenario: a table, and charts of what it varies.

    SWEEP is a file with `title`, `base` (a scenario) and what varies: `grid`, `zip`, `cases`, `sample`; or the name of
    a bundled one. Results are kept in sweeps.sqlite in the output folder: a sweep that is stopped goes on from there,
    and sweeps share the points that they have in common. A point that can't be had is a row that says why.

    \b
    Example:  breakeven sweep gpu-rent
    """
    from simulator import __version__
    from simulator.catalogue.digest import results_digest
    from simulator.catalogue.planning import make_plan
    from simulator.config.sweeps import load_sweep
    from simulator.presentation.files import check_parquet, json_text
    from simulator.sweeping.pools import cores
    from simulator.sweeping.run import SweepJob
    from simulator.sweeping.store import NAME

    sweep, base = load_sweep(sweep_file, make_plan, parsed_overrides(overrides), conditions)
    job = SweepJob(sweep, base, Path(sweep_file).stem, results_digest(), __version__)
    jobs = jobs or cores()
    if parquet:
        check_parquet()
    if job.size() == 0:
        raise ValueError(f"{sweep_file}: no point of it meets its conditions: {', '.join(sweep.where)}")
    if only_status or dry_run:
        told, words = (_status if only_status else _estimate)(job, output / NAME, jobs)
        click.echo(json_text(told) if as_json else words, nl=not as_json)
        return
    _run(job, output / NAME, jobs, threads=threads, cluster=cluster, resume=resume, retry_failed=retry_failed)
    _report(job, output, as_json=as_json, parquet=parquet)


def _run(
    job: SweepJob, path: Path, jobs: int, *, threads: bool, cluster: str | None, resume: bool, retry_failed: bool
) -> None:
    """Solve what is missing."""
    from dataclasses import replace

    from simulator.catalogue.digest import results_digest
    from simulator.presentation.progress import progress_of
    from simulator.sweeping.pools import cluster_pool, local_pool
    from simulator.sweeping.run import forget_points, missing_points, run_sweep
    from simulator.sweeping.store import Progress, Store

    done, size = Progress(0, 0), job.size()

    def waits() -> None:
        click.echo(f"another sweep writes to {path}; waiting until it is done", err=True)

    with Store.writing(path, waits) as store:
        if not resume:
            forget_points(job, store)
        # A worker takes a second to start: no more of them than have some points each.
        missing = missing_points(job, store, jobs * _FEWEST_EACH, retry_failed=retry_failed)
        jobs = max(1, missing // _FEWEST_EACH)
        if cluster is not None:
            job = replace(job, base=job.base.carrying_files())
            pools = cluster_pool(cluster, jobs)
        else:
            pools = local_pool(jobs, "threads" if threads else "processes")
        try:
            with pools as pool, progress_of(size, "points", sys.stderr) as report:

                def tell(progress: Progress) -> None:
                    nonlocal done
                    done = progress
                    report(progress.solved)

                run_sweep(job, store, pool, results_digest, retry_failed=retry_failed, on_progress=tell)
        except KeyboardInterrupt:
            click.echo(
                f"interrupted at {done.solved:,} of {size:,} points; the same command goes on from there", err=True
            )
            sys.exit(_EXIT_INTERRUPTED)


def _report(job: SweepJob, output: Path, *, as_json: bool, parquet: bool) -> None:
    """Write table and pictures, and print the most important columns."""
    from simulator.presentation.files import json_text
    from simulator.presentation.sweep_report import print_sweep, records, write_sweep_report
    from simulator.sweeping.frames import sweep_frame
    from simulator.sweeping.points import FAULT
    from simulator.sweeping.store import NAME, Store

    with Store.reading(output / NAME) as store:
        rows = sweep_frame(job, store)
    faulty = rows["status"] == FAULT
    if faulty.all():
        raise ValueError(f"no point of the sweep can be had; the first says:\n{rows['message'].iloc[0]}")
    with progress("writing"):
        files = write_sweep_report(rows, job.sweep, output / job.name, parquet=parquet)
    if as_json:
        click.echo(json_text(records(rows)), nl=False)
        return
    print_sweep(rows, job.sweep, sys.stdout)
    click.echo(f"\nWritten to {files[0].parent}: {', '.join(path.name for path in files)}")


def _status(job: SweepJob, path: Path, _jobs: int) -> tuple[dict[str, Any], str]:
    """How far the sweep is, as numbers and in words."""
    from simulator.presentation.progress import size_text
    from simulator.sweeping.store import Store

    with Store.reading(path) as store:
        solved = store.progress(job.key, job.chosen)
    size, size_bytes = job.size(), path.stat().st_size
    told = {"points": size, "solved": solved.solved, "missing": size - solved.solved, "faults": solved.faults}
    words = f"{solved.solved:,} of {size:,} points solved, {told['missing']:,} missing, {solved.faults:,} faults"
    return told | {"store_bytes": size_bytes}, f"{words}\n{path}: {size_text(size_bytes)}"


def _estimate(job: SweepJob, path: Path, jobs: int) -> tuple[dict[str, Any], str]:
    """What is left of the sweep and what it takes, as numbers and in words; the first five points."""
    from simulator.presentation.progress import duration, size_text
    from simulator.sweeping.estimate import estimate
    from simulator.sweeping.store import Store

    if path.is_file():
        with Store.reading(path) as store:
            left = estimate(job, store)
    else:
        left = estimate(job, None)
    seconds = left.missing * left.seconds_per_point / jobs
    first = [point.told for point in islice(job.sweep.chosen(job.base.value_of), 5)]
    told = {
        "points": left.points,
        "solved": left.points - left.missing,
        "missing": left.missing,
        "seconds": seconds,
        "workers": jobs,
        "seconds_per_point": left.seconds_per_point,
        "bytes_in_store": round(left.bytes_in_store),
        "first_points": first,
    }
    workers = "worker" if jobs == 1 else "workers"
    points = "1 point" if left.points == 1 else f"{left.points:,} points"
    lines = [
        f"{points}, of which {told['solved']:,} are solved already",
        f"about {duration(seconds)} with {jobs} {workers} ({1e3 * left.seconds_per_point:,.0f} ms a point), "
        f"{size_text(left.bytes_in_store)} in {path}",
        *(f"  {', '.join(f'{key}: {_told(value)}' for key, value in point.items())}" for point in first),
        *(f"! a point can't be had: {fault}" for fault in left.faults),
    ]
    return told, "\n".join(lines)


def _told(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
