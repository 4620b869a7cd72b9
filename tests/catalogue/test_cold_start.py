"""Cold starts in parts: what is given, and the weights by their size."""

import pytest

from simulator.catalogue.cold_start import cold_start_parts
from simulator.catalogue.hardware import open_model
from simulator.domain.autoscaling import ColdStart

GIVEN = ColdStart(
    provisioning_s=90.0, image_pull_s=45.0, network_bytes_per_s=1.25e9, disk_bytes_per_s=5e9, warm_up_s=60.0
)


def size_of(model, bytes_per_weight=2.0):
    return bytes_per_weight * open_model(model).value("parameters")


def test_a_cold_start_is_the_sum_of_its_parts():
    parts = cold_start_parts(GIVEN, "llama-3.1-8b", "h100-sxm")
    weights_s = size_of("llama-3.1-8b") / 1.25e9 + size_of("llama-3.1-8b") / 5e9
    assert parts.weights_s == pytest.approx(weights_s, rel=1e-9)
    assert parts.total_s == pytest.approx(90 + 45 + 60 + weights_s, rel=1e-9)


def test_weights_that_are_on_the_disk_are_only_read_and_those_streamed_only_fetched():
    size = size_of("llama-3.1-8b")
    on_disk = GIVEN.model_copy(update={"network_bytes_per_s": None})
    assert cold_start_parts(on_disk, "llama-3.1-8b", "h100-sxm").weights_s == pytest.approx(size / 5e9)
    streamed = GIVEN.model_copy(update={"disk_bytes_per_s": None})
    assert cold_start_parts(streamed, "llama-3.1-8b", "h100-sxm").weights_s == pytest.approx(size / 1.25e9)
    assert cold_start_parts(ColdStart(), "llama-3.1-8b", "h100-sxm").total_s == 0.0


def test_half_the_bytes_a_weight_load_in_about_half_the_time():
    full = cold_start_parts(GIVEN, "llama-3.3-70b", "h100-sxm", gpus=4)
    half = cold_start_parts(GIVEN, "llama-3.3-70b", "h100-sxm", gpus=4, precision="fp8")
    assert half.weights_s / full.weights_s == pytest.approx(0.515, abs=0.01)  # embedding and head stay in 16 bit


def test_several_machines_load_their_parts_side_by_side():
    one = cold_start_parts(GIVEN, "llama-3.3-70b", "h100-sxm", gpus=8)
    two = cold_start_parts(GIVEN, "llama-3.3-70b", "h100-sxm", gpus=16)
    assert two.weights_s == pytest.approx(one.weights_s / 2)


def test_groups_on_one_machine_fetch_the_weights_once_and_read_them_each():
    size = size_of("llama-3.1-8b")
    parts = cold_start_parts(GIVEN, "llama-3.1-8b", "h100-sxm", gpus=4, data_parallel=4)
    assert parts.weights_s == pytest.approx(size / 1.25e9 + 4 * size / 5e9)
