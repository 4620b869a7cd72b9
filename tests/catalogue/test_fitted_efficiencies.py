import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from simulator._paths import data_folder
from simulator.catalogue import efficiencies as module
from simulator.catalogue.efficiencies import (
    DEFAULT_ENGINE,
    efficiencies,
    efficiency_table,
    engine_class,
    engine_names,
    likeness,
)
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.hardware import gpu, gpu_ids, open_model
from simulator.catalogue.measured import is_usable, usable_rows
from simulator.catalogue.measurements import all_measurements
from simulator.catalogue.replicas import can_be_estimated

PATH = data_folder("hardware") / "efficiencies.yaml"
# Engines of the measured table that make no tokens, or of which one or two rows tell nothing.
WITHOUT_CLASS = {"diffusers", "stable-fast", "pytorch", "ipex", "tensorrt-demo"}


@pytest.fixture
def changed(tmp_path, monkeypatch):
    """The file with one text replaced, loaded: what it holds, or the fault."""

    def load(old, new):
        text = PATH.read_text(encoding="utf-8")
        assert old in text
        folder = tmp_path / "hardware"
        folder.mkdir(exist_ok=True)
        (folder / PATH.name).write_text(text.replace(old, new, 1), encoding="utf-8")
        monkeypatch.setattr(module, "data_folder", lambda name: tmp_path / name)
        return efficiencies.__wrapped__()

    return load


# Engines


@pytest.mark.parametrize(
    ("engine", "version", "name"),
    [
        ("vllm", "0.6.3.post2", "vllm-before-0.8"),
        ("vllm", "0.7.3", "vllm-before-0.8"),
        ("vllm", "0.8.0", "vllm"),
        ("vllm", "0.8.5", "vllm"),
        ("vllm", "v0.8.5", "vllm"),
        ("vllm", "0.19", "vllm"),
        ("vllm", "0.19.1rc1.dev339+gedc364896", "vllm"),
        ("vllm", "1.0", "vllm"),
        ("vllm", None, "vllm"),
        ("vllm", "nightly-5b8c30d62b754b57", "vllm"),
        ("vllm", "2023-11", "vllm-before-0.8"),
        ("vllm", "unstated (2024-08)", "vllm-before-0.8"),
        ("vllm", "unstated (2025-06)", "vllm"),
        ("nm-vllm", "v5.1", "vllm-before-0.8"),
        ("mlperf-submission", "v5.1", "mlperf"),
        ("tensorrt-llm", "0.9.0", "tensorrt-llm-before-0.20"),
        ("tensorrt-llm", "0.20", "tensorrt-llm"),
        ("tensorrt-llm", "1.0", "tensorrt-llm"),
        ("tgi", "1.1.0", "tgi"),
    ],
)
def test_an_engine_belongs_to_the_newest_class_that_begins_no_later_than_its_version(engine, version, name):
    assert engine_class(engine, version) == name


def test_an_unknown_engine_is_told_with_those_there_are():
    with pytest.raises(UnknownId, match=r"is 'vlm', must be one of .*sglang.*; did you mean 'vllm'\?"):
        engine_class("vlm", "0.19.0")


def test_the_engine_taken_by_default_is_one_of_them():
    assert DEFAULT_ENGINE in engine_names()


def test_every_engine_that_was_measured_with_tokens_has_a_class_or_is_known_to_have_none():
    measured = {row.engine for row in all_measurements() if row.metric != "images_per_s"}
    for engine in measured - WITHOUT_CLASS:
        assert engine in engine_names()
    assert not WITHOUT_CLASS & set(engine_names())


def test_every_engine_of_a_class_has_a_class_for_every_version():
    for engine in engine_names():
        for version in (None, "0.0.1", "0.8", "99.0", "2023", "text"):
            assert engine in efficiencies().engines[engine_class(engine, version)].serves


# What the file counts


def test_counts_of_engines_and_generations_add_up_to_the_measurements_fitted_to():
    file = efficiencies()
    assert sum(engine.measurements for engine in file.engines.values()) == file.measurements
    assert sum(generation.measurements for generation in file.generations.values()) == file.measurements


def test_counts_are_those_of_the_measured_table():
    rows = usable_rows()
    file = efficiencies()
    assert file.measurements == len(rows)
    by_generation = Counter(gpu(row.gpu).generation for row in rows)
    assert {name: row.measurements for name, row in file.generations.items() if row.measurements} == by_generation
    by_class = Counter(engine_class(row.engine, row.engine_version) for row in rows)
    assert {name: row.measurements for name, row in file.engines.items() if row.measurements} == by_class


def test_what_is_left_out_of_the_fit_says_nothing_of_tokens_or_of_an_unknown_shape():
    # MLPerf states no lengths and images have no tokens; of a CPU or an image model there is no roofline.
    for row in all_measurements():
        if not is_usable(row):
            assert (
                row.input_tokens is None
                or row.output_tokens is None
                or row.metric == "images_per_s"
                or row.engine in WITHOUT_CLASS | {"mlperf-submission"}
                or not open_model(row.model).has_shape
                or not can_be_estimated(gpu(row.gpu))
            )


# What the file holds


def test_every_gpu_whose_peaks_are_known_is_of_a_generation_in_the_table():
    table = efficiency_table()
    with_peaks = [
        name
        for name in gpu_ids()
        if all(
            getattr(gpu(name), figure) is not None
            for figure in ("memory_bytes", "memory_bandwidth_bytes_per_s", "flops_16bit_per_s", "link_bytes_per_s")
        )
    ]
    assert {gpu(name).generation for name in with_peaks} <= set(table.generations)
    assert all(can_be_estimated(gpu(name)) for name in with_peaks)
    assert len(with_peaks) >= 25


def test_no_share_of_a_peak_is_above_1():
    file = efficiencies()
    for generation in file.generations.values():
        shares = (generation.bandwidth_share, generation.compute_16bit_share, generation.compute_8bit_share)
        assert 0.1 < min(shares) <= max(shares) <= 1.0
    assert all(0.1 < share <= 1.0 for name, share in file.shared.items() if name.endswith("_share"))


def test_overheads_of_an_iteration_are_micro_to_milliseconds():
    for engine in efficiencies().engines.values():
        assert 1e-7 <= engine.sequence_s <= 1e-3
        assert 1e-7 <= engine.iteration_s <= 5e-2
        assert engine.small_gpu_batch_cap <= engine.batch_cap


def test_likeness_is_greatest_at_home():
    settings = likeness()
    for name in ("model", "model_kind", "generation", "gpu", "precision", "version", "engine", "regime", "layout"):
        assert 0.0 <= getattr(settings, name) <= 1.0
    assert settings.noise_sd < settings.sd


def test_the_file_says_by_what_it_was_made():
    assert "benchmarks/fit_throughput.py" in PATH.read_text(encoding="utf-8").splitlines()[0]
    assert (Path(__file__).parents[2] / "benchmarks" / "fit_throughput.py").exists()


# Faults


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bandwidth_share: 0.", "bandwidth_share: 7.", "generations.volta.bandwidth_share: is 7."),
        ("bandwidth_share:", "bandwith_share:", "generations.volta.bandwith_share: unknown key"),
        ("from_version: [0, 8]", "from_version: [0]", "engines.vllm.from_version"),
        ("serves: [vllm, vllm-rocm, vllm-tpu]", "serves: []", "engines.vllm.serves: is []"),
        ("roughness: ", "roughness: -", "likeness.roughness: is -"),
        ("noise_sd: ", "noise: ", "likeness.noise_sd: is missing"),
        ("measurements: ", "measurements: many # ", "measurements: is 'many'"),
    ],
)
def test_a_fault_of_the_file_is_one_line_with_file_and_key(changed, old, new, message):
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        changed(old, new)
    assert str(caught.value).startswith("hardware/efficiencies.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_repeated_key_is_told_with_its_line(changed):
    line = PATH.read_text(encoding="utf-8").splitlines().index("generations:") + 2  # where the mapping begins
    with pytest.raises(ValueError, match=rf"^hardware/efficiencies.yaml:{line}: key 'volta' is repeated$"):
        changed("  volta:", "  volta: {}\n  volta:")


def test_what_is_written_is_what_is_read(changed):
    file = changed("fitted_on: ", "fitted_on: ")
    assert file == efficiencies()
    assert file.table.generations == tuple(yaml.safe_load(PATH.read_text(encoding="utf-8"))["generations"])
