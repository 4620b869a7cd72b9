"""The table of waits against the formulas it stands for."""

import numpy as np
import pytest

from simulator.domain.queueing import wait_law
from simulator.domain.queueing_tables import wait_table


@pytest.mark.parametrize("service_scv", [0.0, 0.5, 1.0, 2.0])
def test_the_table_is_within_a_percent_of_the_formula(service_scv):
    random = np.random.default_rng(3)
    servers = np.exp(random.uniform(0.0, np.log(10_000.0), 6_000))
    servers[::2] = np.round(servers[::2])
    load = random.uniform(0.01, 0.995, servers.size)
    load[::3] = 1.0 - np.exp(random.uniform(np.log(0.005), np.log(0.9), load[::3].size))
    told, looked_up = wait_law(servers, load, 2.0, service_scv), wait_table(service_scv).law(servers, load, 2.0)
    often = told.p_wait > 1e-200
    assert often.mean() > 0.5
    np.testing.assert_allclose(looked_up.mean_s[often], told.mean_s[often], rtol=0.01)
    np.testing.assert_allclose(looked_up.p_wait[often], told.p_wait[often], rtol=0.01)
    assert np.all(looked_up.mean_s[~often] < 1e-190)
    likely = told.p_wait > 1e-6
    np.testing.assert_allclose(looked_up.quantile_s(0.99)[likely], told.quantile_s(0.99)[likely], rtol=0.02, atol=1e-3)


def test_beyond_its_edges_the_table_stays_on_them():
    table = wait_table(1.0)
    assert table.law(0.3, 0.5, 1.0).p_wait == table.law(1.0, 0.5, 1.0).p_wait
    assert table.law(8.0, 1.5, 1.0).p_wait == table.law(8.0, 0.9999, 1.0).p_wait
    assert np.isfinite(table.law(8.0, 0.0, 1.0).mean_s)
