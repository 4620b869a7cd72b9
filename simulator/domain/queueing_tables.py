"""The queueing formulas as a table, made before any loop, for waits by the million."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.domain.plans import Array
from simulator.domain.queueing import LEAST_P_WAIT, WaitLaw, wait_law

MOST_SERVERS = 1e5
LOADS = (0.005, 0.9999)
_ROWS, _COLUMNS = 96, 72


@dataclass(frozen=True)
class WaitTable:
    """What of M/G/c changes slowly with servers and load, over the logarithms of servers and of what is free.

    The probability of waiting falls as exp(-c (load - 1 - ln load)), the Poisson law's own decay, over 40 powers of ten
    and more; the table holds what is left of it. The mean wait of those that wait is kept times capacity times what is
    free. Both are smooth, so that straight lines between the places are within 1 % of the formula for 1 to 10,000
    servers and loads of 0.01 to 0.995, wherever one request in 10^200 waits. Arrays of shape (rows, columns).
    """

    service_scv: float
    log_p_left: Array
    spread: Array  # 1: exponential service; (1 + scv) / 2 near full load
    scv_of_waiting: Array

    def law(self, servers: Any, load_share: Any, service_s: Any) -> WaitLaw:
        """Law of the wait; arguments as of `wait_law`, kept within the table: servers 1 to 100,000, load to 0.9999."""
        log_p, spread, scv = self.at(servers, load_share)
        load = np.clip(load_share, *LOADS)
        return WaitLaw(np.exp(log_p), spread * service_s / (np.asarray(servers) * (1.0 - load)), scv)

    def at(self, servers: Any, load_share: Any) -> tuple[Array, Array, Array]:
        """Logarithm of the probability of waiting, spread and squared variation of the waits above 0."""
        servers = np.clip(np.asarray(servers, dtype=np.float64), 1.0, MOST_SERVERS)
        load = np.clip(np.asarray(load_share, dtype=np.float64), *LOADS)
        rows, columns = self.log_p_left.shape
        row = np.log(servers) * ((rows - 1) / np.log(MOST_SERVERS))
        least, most = np.log1p(-LOADS[1]), np.log1p(-LOADS[0])
        column = (np.log1p(-load) - least) * ((columns - 1) / (most - least))
        i = np.minimum(row.astype(np.int64), rows - 2)
        j = np.minimum(column.astype(np.int64), columns - 2)
        down, right = row - i, column - j

        def between(table: Array) -> Array:
            upper = table[i, j] + right * (table[i, j + 1] - table[i, j])
            lower = table[i + 1, j] + right * (table[i + 1, j + 1] - table[i + 1, j])
            return upper + down * (lower - upper)

        log_p = between(self.log_p_left) - servers * _decay(load)
        return np.minimum(log_p, 0.0), between(self.spread), between(self.scv_of_waiting)


def wait_table(service_scv: float = 1.0, shape: tuple[int, int] = (_ROWS, _COLUMNS)) -> WaitTable:
    """Table of `wait_law` for one variability of service.

    Parameters
    ----------
    service_scv : float
        Variance of the service time over its squared mean, at least 0.
    shape : (int, int)
        Servers and loads in the table.

    Returns
    -------
    WaitTable
    """
    servers = np.geomspace(1.0, MOST_SERVERS, shape[0])[:, None]
    load = 1.0 - np.geomspace(1.0 - LOADS[1], 1.0 - LOADS[0], shape[1])[None, :]
    servers, load = np.broadcast_arrays(servers, load)
    law = wait_law(servers, load, service_s=servers * (1.0 - load), service_scv=service_scv)
    exponential = wait_law(servers, load, service_s=1.0)
    rarer = np.where(exponential.p_wait > LEAST_P_WAIT, law.p_wait / np.maximum(exponential.p_wait, LEAST_P_WAIT), 1.0)
    return WaitTable(
        service_scv,
        _log_erlang_c(servers, load) + servers * _decay(load) + np.log(rarer),
        np.asarray(law.mean_of_waiting_s),
        np.asarray(law.scv_of_waiting),
    )


def _log_erlang_c(servers: Array, load: Array) -> Array:
    """Logarithm of the probability of waiting in M/M/c, also where it is too small for a number."""
    from scipy.special import gammaincc, gammaln

    offered = servers * load
    left = gammaincc(servers + 1.0, offered)
    log_blocked = servers * np.log(offered) - offered - gammaln(servers + 1.0) - np.log(left)
    return np.asarray(log_blocked - np.log1p(-load * -np.expm1(log_blocked)))


def _decay(load: Array) -> Array:
    return np.asarray(load - 1.0 - np.log(load))
