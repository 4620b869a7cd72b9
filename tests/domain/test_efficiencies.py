import numpy as np
import pytest
from hand_built_replicas import FITTED

from simulator.domain.efficiencies import ENGINE_COLUMNS, SHARED, EfficiencyTable

TABLE = EfficiencyTable(
    generations=("older", "newer"),
    generation_values=np.array([[0.85, 0.75, 0.5, 0.3], [0.9, 0.7, 0.68, 0.45]]),
    engines=("one", "other"),
    engine_values=np.array([[1e-4, 2e-5, 6e-5, 0.9, 1024, 256], [2e-4, 1e-5, 4e-5, 0.95, 2048, 2048]]),
    link_values=np.array([[0.63, 9.5e-6], [0.52, 68e-6]]),
    shared={name: getattr(FITTED, name) for name in SHARED},
)


def test_an_efficiency_is_put_together_from_generation_engine_and_link():
    found = TABLE.efficiency(1, 8, 0, 1, True)
    assert (found.bandwidth_share, found.compute_share) == (0.9, 0.68)
    assert (found.iteration_s, found.sequence_s, found.layer_s) == (1e-4, 2e-5, 6e-5)
    assert (found.memory_share, found.batch_cap) == (0.9, 256)
    assert (found.link_share, found.all_reduce_s) == (0.52, 68e-6)
    assert found.knee == FITTED.knee


@pytest.mark.parametrize(("bits", "share"), [(16, 0.75), (8, 0.5), (4, 0.3)])
def test_each_arithmetic_has_a_share_of_its_own(bits, share):
    assert TABLE.efficiency(0, bits, 0, 0, False).compute_share == share


def test_efficiencies_of_several_replicas_are_those_of_each():
    rows = [(0, 16, 0, 0, False), (1, 8, 1, 1, True), (1, 4, 0, 0, True)]
    together = TABLE.efficiency(*np.array(rows, dtype=np.int64).T)
    for number, row in enumerate(rows):
        alone = TABLE.efficiency(*row)
        for name, value in vars(alone).items():
            assert np.broadcast_to(getattr(together, name), (3,))[number] == value


def test_columns_of_engines_name_efficiencies_but_for_the_cap_of_small_gpus():
    assert set(ENGINE_COLUMNS) - set(vars(FITTED)) == {"small_gpu_batch_cap"}
