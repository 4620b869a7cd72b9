"""What a replica does under a load: how many sequences run at once, and the throughput and times that follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.domain.measurements import Regime
from simulator.domain.roofline import (
    IterationTerms,
    Replica,
    iteration_s,
    iteration_terms,
    largest_batch_in_memory,
    lone_first_token_s,
    output_tokens_per_s,
    prompt_s,
    time_per_token_s,
)
from simulator.domain.serving import Array, Numbers, larger, smaller

# Two rounds of a grid of equal ratios and a straight line find a batch to a ten thousandth of it.
_ROUNDS = 2
_GRID = np.linspace(0.0, 1.0, 25)

TOGETHER: tuple[Regime, ...] = ("static", "burst")  # all prompts come at once, and wait for each other
# Under load a request waits for the iteration that runs, and for prompts that arrived with it: clients with answers of
# one length come in clumps. Both figures are fitted by eye to the times of 1,418 published runs with clients, which
# they meet within a factor of 1.7 in the median, without bias from 2 clients to 1,000.
WAITED_ITERATIONS = 2.0
CLUMPED_SHARE = 0.25
FINITE_RUNS: tuple[Regime, ...] = ("saturated", "burst")


@dataclass(frozen=True)
class Load:
    """What is asked of a replica. Numbers, or arrays of shape (n,); a regime that does not need a field ignores it."""

    regime: Regime
    input_tokens: Numbers
    output_tokens: Numbers
    concurrency: Numbers | None = None  # clients, or the batch; None: no limit
    n_requests: Numbers | None = None  # of a finite run; None: endless
    arrival_requests_per_s: Numbers | None = None
    tpot_limit_s: Numbers | None = None
    prefix_cached_share: Numbers = 0.0
    speculative_factor: Numbers = 1.0


@dataclass(frozen=True)
class State:
    """A replica under a load, by the roofline alone."""

    batch: Numbers  # sequences running at once
    largest_batch: Numbers  # that memory and engine allow; below 1: the model does not fit
    batch_in_memory: Numbers
    batch_limit: Numbers  # that memory, engine, clients and the limit of time per token allow together; at least 1
    output_tokens_per_s: Numbers
    tpot_s: Numbers
    ttft_s: Numbers
    terms: IterationTerms


def state_under(replica: Replica, load: Load) -> State:
    """Batch, throughput and times of a replica under a load.

    Parameters
    ----------
    replica : Replica
        The replica.
    load : Load
        Lengths, and what the regime needs: the batch of `static`, the clients of `closed`, the requests of `burst`,
        the arrival rate of `open`.

    Returns
    -------
    State
        Numbers, or arrays of shape (n,).

    Notes
    -----
    By Little's law the batch at an arrival rate lambda solves B = lambda O T(B); above the throughput of the largest
    batch it is that batch. A finite run ends with a batch that drains: its throughput is lower by
    1 + loss x min(1, B / requests), the loss fitted. Time to the first token is that of a lone request,
    two iterations, and a quarter of the prompts of the others in its group (half of them where all come at once);
    waiting for a place in the batch is not in it.
    """
    output_tokens = larger(load.output_tokens, 1.0)
    terms = iteration_terms(
        replica, load.input_tokens, output_tokens, load.prefix_cached_share, load.speculative_factor
    )
    in_memory = largest_batch_in_memory(replica, load.input_tokens, output_tokens)
    largest = smaller(in_memory, replica.efficiency.batch_cap * replica.layout.data_parallel)
    within = larger(largest, 1.0)
    if load.tpot_limit_s is not None:
        within = smaller(within, sustainable_batch(terms, within, load.tpot_limit_s))
    if load.concurrency is not None and load.regime != "static":
        within = smaller(within, load.concurrency)
    batch = _running(load, terms, within, output_tokens)
    throughput = output_tokens_per_s(terms, batch)
    if np.shape(batch) != np.shape(throughput):
        batch = np.broadcast_to(batch, np.shape(throughput))
    if load.regime in FINITE_RUNS and load.n_requests is not None:
        share = smaller(1.0, batch / load.n_requests)
        throughput = throughput / (1.0 + replica.efficiency.finite_run_loss_share * share)
    return State(
        batch=batch,
        largest_batch=largest,
        batch_in_memory=in_memory,
        batch_limit=larger(within, 1.0),
        output_tokens_per_s=throughput,
        tpot_s=time_per_token_s(terms, larger(batch, 1.0)),
        ttft_s=_first_token_s(replica, load, terms, batch, output_tokens),
        terms=terms,
    )


def sustainable_batch(terms: IterationTerms, largest: Numbers, tpot_limit_s: Numbers) -> Numbers:
    """Largest batch, up to `largest`, whose mean time per token is within a limit; 0 where not even one sequence's is.

    Parameters
    ----------
    terms : IterationTerms
        Of the replica and the lengths.
    largest : number or array of shape (n,)
        Upper end of the search. [sequences]
    tpot_limit_s : number or array of shape (n,)
        Longest mean time from token to token. [s]

    Returns
    -------
    number or array of shape (n,)
        [sequences]
    """
    alone_is_within = time_per_token_s(terms, 1.0) <= tpot_limit_s
    batch = _batch_reaching(lambda size: time_per_token_s(_columns(terms), size), tpot_limit_s, 1.0, largest)
    return np.where(alone_is_within, batch, 0.0)


def batch_at_arrival_rate(
    terms: IterationTerms, largest: Numbers, output_tokens: Numbers, arrival_requests_per_s: Numbers
) -> Numbers:
    """Mean number of sequences that run when requests arrive at a rate: the least B with B / T(B) = lambda O.

    Parameters
    ----------
    terms : IterationTerms
        Of the replica and the lengths.
    largest : number or array of shape (n,)
        Largest batch; returned where the rate is more than it can serve. [sequences]
    output_tokens : number or array of shape (n,)
        Mean output of a request. [tokens]
    arrival_requests_per_s : number or array of shape (n,)
        lambda. [requests/s]

    Returns
    -------
    number or array of shape (n,)
        [sequences]; may be below 1.

    Notes
    -----
    Little's law: requests in the system = rate x time each spends there, O T(B).
    """
    wanted = np.asarray(arrival_requests_per_s * output_tokens)
    return _batch_reaching(lambda size: output_tokens_per_s(_columns(terms), size), wanted, 1e-3, largest)


def _running(load: Load, terms: IterationTerms, within: Numbers, output_tokens: Numbers) -> Numbers:
    if load.regime == "single":
        return smaller(1.0, within)
    if load.regime == "static" and load.concurrency is not None:
        return 1.0 * load.concurrency
    if load.regime == "open" and load.arrival_requests_per_s is not None:
        return batch_at_arrival_rate(terms, within, output_tokens, load.arrival_requests_per_s)
    if load.regime in FINITE_RUNS and load.n_requests is not None:
        return smaller(within, load.n_requests)
    return within


def _first_token_s(
    replica: Replica, load: Load, terms: IterationTerms, batch: Numbers, output_tokens: Numbers
) -> Numbers:
    lone_s = lone_first_token_s(replica, terms, output_tokens)
    if load.regime in TOGETHER:
        return lone_s + larger(batch - 1.0, 0.0) / 2.0 * prompt_s(replica, terms, output_tokens) * terms.stretch
    others = larger(batch / replica.layout.data_parallel - 1.0, 0.0)
    waited_s = smaller(others, 1.0) * WAITED_ITERATIONS * iteration_s(terms, batch)
    return lone_s + waited_s + CLUMPED_SHARE * others * prompt_s(replica, terms, output_tokens) * terms.stretch


def _columns(terms: IterationTerms) -> IterationTerms:
    """The same terms with arrays as columns, so that a grid of batches can stand in the last axis."""
    fields: dict[str, Any] = {
        name: value[..., None] if isinstance(value, np.ndarray) and value.ndim else value
        for name, value in vars(terms).items()
    }
    return IterationTerms(**fields)


def _batch_reaching(increasing: Callable[[Array], Any], level: Numbers, least: float, largest: Numbers) -> Numbers:
    """Where a function of the batch that rises reaches a level, between `least` and `largest`, else the nearer end."""
    of_terms = np.shape(increasing(np.ones(1)))[:-1]
    low = np.full(np.broadcast_shapes(np.shape(level), np.shape(largest), of_terms), least)
    high = larger(np.broadcast_to(np.asarray(largest, dtype=np.float64), low.shape), least)
    target = np.broadcast_to(np.asarray(level, dtype=np.float64), low.shape)[..., None]
    for _ in range(_ROUNDS):
        sizes = low[..., None] * (high / low)[..., None] ** _GRID
        below = np.clip((increasing(sizes) <= target).sum(axis=-1), 1, _GRID.size - 1)
        low, high = _at(sizes, below - 1), _at(sizes, below)
    at_low, at_high = increasing(low[..., None])[..., 0], increasing(high[..., None])[..., 0]
    rise = np.where(at_high > at_low, at_high - at_low, 1.0)
    share = np.clip((target[..., 0] - at_low) / rise, 0.0, 1.0)
    found = smaller(low + share * (high - low), largest)
    return found if np.ndim(found) else float(found)


def _at(values: Array, index: Any) -> Array:
    return np.take_along_axis(values, np.asarray(index)[..., None], axis=-1)[..., 0]
