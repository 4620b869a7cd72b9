import re

import pytest
import yaml

from simulator._paths import data_folder
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_mapping
from simulator.catalogue.hardware import gpu, gpu_ids, open_model, open_model_ids
from simulator.domain.models_and_gpus import Gpu, memory_shortfall_bytes, smallest_fitting_gpus, weight_bytes

FILES = sorted(path for kind in ("gpus", "models") for path in (data_folder("hardware") / kind).glob("*.yaml"))


def figures(content):
    return {key: value for key, value in content.items() if isinstance(value, dict)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_is_named_by_its_id(path):
    assert read_mapping(path)["id"] == path.stem


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_figure_says_where_it_comes_from_and_as_of_when(path):
    content = read_mapping(path)
    assert figures(content)
    for key, value in figures(content).items():
        assert value["source"], key
        assert "as_of" in value, key
        assert value["as_of"] is not None or value.get("unverified") is True, f"{key}: undated figures are unverified"


@pytest.mark.parametrize("gpu_id", gpu_ids())
def test_gpus_lie_within_what_has_been_built(gpu_id):
    it = gpu(gpu_id)
    assert 10e9 < it.memory_bytes.value < 300e9
    assert 0.2e12 < it.memory_bandwidth_bytes_per_s.value < 10e12
    assert 10e12 < it.flops_16bit_per_s.value < 3e15
    assert 50 < it.tdp_w.value < 1_500
    assert 2016 < it.release_year.value < 2027
    # Peaks with sparsity are twice as high; 8-bit arithmetic is twice as fast on every one of these.
    assert it.flops_8bit_per_s.value / it.flops_16bit_per_s.value == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("model_id", open_model_ids())
def test_parameters_agree_with_the_shape(model_id):
    it = open_model(model_id)
    per_layer = it.hidden_size.value * it.head_dim.value * 2 * (it.attention_heads.value + it.kv_heads.value)
    attention_and_embedding = it.layers.value * per_layer + it.embedding_parameters
    assert attention_and_embedding < it.active_parameters.value <= it.parameters.value
    assert it.attention_heads.value % it.kv_heads.value == 0
    if it.shape:
        assert it.shape in open_model_ids()
        assert open_model(it.shape).shape is None
        assert open_model(it.shape).layers.value == it.layers.value


def test_the_70b_models_share_one_shape():
    assert open_model("llama-3.3-70b").shape_id == open_model("llama-3.1-70b").shape_id == "llama-3.1-70b"


def test_llama_70b_in_bf16_needs_two_a100_of_80_gb_and_in_fp8_one_h100():
    model = open_model("llama-3.1-70b")
    assert weight_bytes(model, "bf16") == pytest.approx(141.1e9, rel=1e-3)
    assert memory_shortfall_bytes(model, gpu("a100-80gb-sxm"), 1, "bf16", tokens=2_000) > 0
    assert smallest_fitting_gpus(model, gpu("a100-80gb-sxm"), "bf16", tokens=2_000) == 2
    assert smallest_fitting_gpus(model, gpu("h100-sxm"), "fp8", tokens=2_000) == 1


def test_llama_8b_in_bf16_fits_an_a10g_but_not_a_t4():
    model = open_model("llama-3.1-8b")
    assert smallest_fitting_gpus(model, gpu("a10g"), "bf16", tokens=8_000) == 1
    assert smallest_fitting_gpus(model, gpu("t4"), "bf16", tokens=8_000) == 2


def test_a_mistyped_gpu_is_told_what_there_is():
    with pytest.raises(UnknownId, match=re.escape("is 'a10', must be one of a100-40gb-sxm, ")) as fault:
        gpu("a10")
    assert str(fault.value).endswith("t4; did you mean 'a10g'?")
    assert isinstance(fault.value, ValueError)


def test_a_path_is_not_an_id():
    with pytest.raises(UnknownId, match=r"is '\.\./models/llama-3\.1-8b', must be one of"):
        gpu("../models/llama-3.1-8b")


def test_an_id_like_nothing_gets_no_suggestion():
    with pytest.raises(UnknownId, match=r"must be one of [^;]*$"):
        open_model("zzzz")


GOOD = (data_folder("hardware") / "gpus" / "t4.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            GOOD.replace("value: 16e9", "value: -16e9"),
            r"memory_bytes\.value: is -16000000000\.0, input should be greater",
        ),
        (GOOD.replace("vendor:", "seller:"), r"vendor: is missing; seller: unknown key"),
        (GOOD.replace("value: 16e9", "value: many"), r"memory_bytes\.value: is 'many', input should be a valid number"),
        (GOOD + "id: t4\n", r"key 'id' is repeated"),
        ("- id: t4\n", r"must hold a mapping"),
        ("id: [t4\n", r"did not find expected"),
    ],
)
def test_a_malformed_file_is_named_with_its_key_in_one_line(tmp_path, text, message):
    path = tmp_path / "hardware" / "gpus" / "t4.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"^hardware/gpus/t4\.yaml:.*{message}") as fault:
        parsed(Gpu, read_mapping(path), path)
    assert "\n" not in str(fault.value)


def test_numbers_are_read_as_yaml_1_2_reads_them(tmp_path):
    path = tmp_path / "numbers.yaml"
    path.write_text("{a: 85.5e9, b: 12, c: no, d: 12:30, e: 2026-07-20, f: null, g: true}", encoding="utf-8")
    read = {"a": 85.5e9, "b": 12, "c": "no", "d": "12:30", "e": "2026-07-20", "f": None, "g": True}
    assert read_mapping(path) == read
    assert yaml.safe_load("1e6") == "1e6", "the loader of the catalogue leaves PyYAML's own as it is"
