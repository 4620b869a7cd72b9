import re
import subprocess
import sys
from typing import get_args

import pytest
import yaml

from simulator._paths import data_folder
from simulator.catalogue import fact_files, hardware
from simulator.catalogue.errors import UnknownId
from simulator.catalogue.fact_files import parsed, read_facts, read_mapping
from simulator.catalogue.hardware import gpu, gpu_ids, open_model, open_model_ids, with_shape
from simulator.catalogue.rentals import providers, rental_offers
from simulator.domain.base import Sourced
from simulator.domain.models_and_gpus import SHAPE_FIELDS, Generation, Gpu, OpenModel

FILES = sorted(path for kind in ("gpus", "models") for path in (data_folder("hardware") / kind).glob("*.yaml"))


def words(text):
    return text.split()


# What the catalogue must hold: what is rented, what was measured, what people ask for.
GPUS = words("""
    v100-sxm v100s-pcie t4 a10 a10g rtx-3090 rtx-a6000 a100-40gb-sxm a100-80gb-pcie a100-80gb-sxm l4 l40s rtx-4090
    rtx-6000-ada h100-pcie h100-nvl h100-sxm gh200-96gb gh200-144gb h20-3e h200-sxm h200-nvl b200-sxm b300-sxm gb200
    rtx-5090 rtx-pro-6000-server mi300x mi325x tpu-v5e tpu-v6e tpu-ironwood
""")
CPUS = words("""
    graviton3-16c graviton3-64c graviton4-16c graviton4-48c graviton4-96c axion-16c xeon-6980p-2s xeon-6787p-2s
    xeon-8592-2s xeon-spr-m7i.16xlarge
""")
MODELS = words("""
    codellama-34b deepseek-r1 deepseek-r1-distill-llama-8b deepseek-v3 falcon-180b gemma-2b gemma-3-27b gemma-7b
    gpt-j-6b gpt-oss-120b gpt-oss-20b internlm-20b llama-2-13b llama-2-70b llama-2-7b llama-3-70b llama-3-8b
    llama-3.1-405b llama-3.1-70b llama-3.1-8b llama-3.3-70b llama-4-maverick llama-4-scout minimax-m2.5 mistral-7b
    mistral-7b-v0.3 mistral-large-2407 mistral-large-3 mistral-small-3.2-24b mixtral-8x22b mixtral-8x7b qwen2.5-0.5b
    qwen2.5-14b qwen2.5-32b qwen2.5-72b qwen2.5-7b qwen3-235b-a22b qwen3-30b-a3b qwen3-32b qwen3-8b sd-1.5 sd-1.x sdxl
    sdxl-base-1.0
""")
# GPUs of which a source is missing for what an estimate needs; the others have it all.
INCOMPLETE = {"v100-sxm", "gh200-144gb", "h200-nvl", "mi325x"}


def sourced(thing):
    """Figures and statements of an object, by field."""
    values = {name: getattr(thing, name) for name in type(thing).model_fields}
    return {name: value for name, value in values.items() if isinstance(value, Sourced)}


def thing_in(path):
    return gpu(path.stem) if path.parent.name == "gpus" else open_model(path.stem)


def value(figure):
    return None if figure is None else figure.value


def test_the_catalogue_holds_what_is_rented_measured_and_asked_for():
    assert set(GPUS + CPUS) <= set(gpu_ids())
    assert set(MODELS) <= set(open_model_ids())
    assert {offer.gpu for provider in providers() for offer in rental_offers(provider)} <= set(gpu_ids())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_loads_and_is_named_by_its_id(path):
    assert path.name == f"{thing_in(path).id}.yaml"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_figure_says_where_it_comes_from_and_as_of_when(path):
    thing = thing_in(path)
    for name, figure in sourced(thing).items():
        assert figure.source.strip(), name
        assert figure.as_of is not None or figure.unverified, f"{name}: undated figures are unverified"
    if isinstance(thing, OpenModel) or thing.generation != "cpu":
        assert sourced(thing)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_was_collected_with_the_measurements_is_unverified(path):
    for name, figure in sourced(thing_in(path)).items():
        assert figure.unverified or "collected with" not in figure.source, name


@pytest.mark.parametrize("gpu_id", GPUS)
def test_gpus_lie_within_what_has_been_built(gpu_id):
    it = gpu(gpu_id)
    ranges = {
        "memory_bytes": (14e9, 300e9),
        "memory_bandwidth_bytes_per_s": (0.2e12, 10e12),
        "flops_16bit_per_s": (50e12, 3e15),
        "flops_fp8_per_s": (200e12, 6e15),
        "flops_int8_per_s": (100e12, 6e15),
        "flops_fp4_per_s": (800e12, 20e15),
        "link_bytes_per_s": (10e9, 1e12),
        "tdp_w": (50, 1_500),
        "release_year": (2016, 2027),
    }
    for name, (low, high) in ranges.items():
        figure = getattr(it, name)
        assert figure is None or low < figure.value < high, f"{name}: {value(figure)}"
    estimated_from = (it.memory_bytes, it.memory_bandwidth_bytes_per_s, it.flops_16bit_per_s, it.link_bytes_per_s)
    assert (None in estimated_from) == (gpu_id in INCOMPLETE)


@pytest.mark.parametrize("gpu_id", GPUS)
def test_fewer_bits_are_never_slower(gpu_id):
    it = gpu(gpu_id)
    peaks = [it.flops_16bit_per_s, it.flops_fp8_per_s, it.flops_fp4_per_s]
    known = [peak.value for peak in peaks if peak is not None]
    assert known == sorted(known)
    # Peaks with sparsity are twice as high: they would show as a factor of four from 16 bit to 8.
    for eight_bit in (it.flops_fp8_per_s, it.flops_int8_per_s):
        if eight_bit is not None and gpu_id != "rtx-4090":
            assert eight_bit.value <= 2.05 * it.flops_16bit_per_s.value


def test_only_generations_with_units_of_their_own_have_a_peak_of_8_and_4_bit():
    for gpu_id in GPUS:
        it = gpu(gpu_id)
        if it.generation in ("volta", "turing", "ampere", "ampere-g"):
            assert it.flops_fp8_per_s is None, gpu_id
        assert it.flops_fp4_per_s is None or it.generation in ("blackwell", "blackwell-g"), gpu_id


def test_links_count_one_direction_of_one_gpu():
    # vendors print both: 900 GB/s of NVLink 4, 896 GB/s of seven Infinity Fabric links, 400 and 800 GB/s of ICI
    links = {"h100-sxm": 450e9, "mi300x": 448e9, "tpu-v5e": 200e9, "tpu-v6e": 400e9, "l4": 32e9, "b200-sxm": 900e9}
    assert {gpu_id: gpu(gpu_id).link_bytes_per_s.value for gpu_id in links} == links


def test_spot_checks_of_gpus():
    assert gpu("a100-80gb-sxm").memory_bandwidth_bytes_per_s.value == 2039e9
    assert gpu("h100-sxm").memory_bytes.value == 85.5e9
    assert gpu("b200-sxm").memory_bandwidth_bytes_per_s.value == 8000e9
    assert "7700" in gpu("b200-sxm").memory_bandwidth_bytes_per_s.note
    assert gpu("b300-sxm").flops_int8_per_s.value < gpu("b300-sxm").flops_16bit_per_s.value
    assert {gpu(gpu_id).generation for gpu_id in GPUS + CPUS} == set(get_args(Generation))


@pytest.mark.parametrize("gpu_id", CPUS)
def test_cpus_are_joined_to_nothing_and_their_arithmetic_is_not_known(gpu_id):
    it = gpu(gpu_id)
    assert (it.generation, it.link, it.link_bytes_per_s, it.flops_16bit_per_s) == ("cpu", "none", None, None)


# Width of the middle layers, of three matrices each, as the published configurations have it; not in the catalogue.
DENSE = {
    "codellama-34b": 22_016,
    "gemma-2b": 16_384,
    "gemma-7b": 24_576,
    "gemma-3-27b": 21_504,
    "internlm-20b": 13_824,
    "llama-2-7b": 11_008,
    "llama-2-13b": 13_824,
    "llama-2-70b": 28_672,
    "llama-3.1-8b": 14_336,
    "llama-3.1-70b": 28_672,
    "llama-3.1-405b": 53_248,
    "mistral-7b-v0.3": 14_336,
    "mistral-small-3.2-24b": 32_768,
    "mistral-large-2407": 28_672,
    "qwen2.5-0.5b": 4_864,
    "qwen2.5-7b": 18_944,
    "qwen2.5-14b": 13_824,
    "qwen2.5-32b": 27_648,
    "qwen2.5-72b": 29_568,
    "qwen3-8b": 12_288,
    "qwen3-32b": 25_600,
}
MIXTURES = {
    "mixtral-8x7b": 14_336,
    "mixtral-8x22b": 16_384,
    "qwen3-30b-a3b": 768,
    "qwen3-235b-a22b": 1_536,
    "minimax-m2.5": 1_536,
}


def counted(it, middle_layers):
    """Parameters of a Llama-like model, counted from its shape: attention, middle layers, vocabulary."""
    queries_and_keys = it.attention_heads.value + it.kv_heads.value
    attention = 2 * it.hidden_size.value * it.head_dim.value * queries_and_keys
    vocabulary = it.vocab_size.value * it.hidden_size.value * (1 if it.tied_embeddings else 2)
    return it.layers.value * (attention + 3 * it.hidden_size.value * middle_layers) + vocabulary


@pytest.mark.parametrize(("model_id", "middle"), DENSE.items())
def test_parameters_of_dense_models_follow_from_their_shape(model_id, middle):
    it = open_model(model_id)
    assert it.parameters.value == pytest.approx(counted(it, middle), rel=0.001)
    assert it.active_parameters.value == it.parameters.value
    assert it.experts is None


@pytest.mark.parametrize(("model_id", "middle"), MIXTURES.items())
def test_parameters_of_mixtures_follow_from_their_experts(model_id, middle):
    it = open_model(model_id)
    assert it.parameters.value == pytest.approx(counted(it, it.experts.value * middle), rel=0.01)
    assert it.active_parameters.value == pytest.approx(counted(it, it.experts_per_token.value * middle), rel=0.1)


@pytest.mark.parametrize("model_id", open_model_ids())
def test_parameters_agree_with_the_shape(model_id):
    it = open_model(model_id)
    if not it.has_shape:
        return
    per_layer = it.hidden_size.value * it.head_dim.value * 2 * (it.attention_heads.value + it.kv_heads.value)
    if it.kv_latent_size is not None:  # keys and values come from the latent by small matrices
        per_layer = it.hidden_size.value * it.head_dim.value * it.attention_heads.value
    vocabulary = it.vocab_size.value * it.hidden_size.value
    assert it.layers.value * per_layer + vocabulary < it.active_parameters.value <= it.parameters.value
    assert it.attention_heads.value % it.kv_heads.value == 0


@pytest.mark.parametrize("model_id", open_model_ids())
def test_models_of_one_shape_are_the_same_but_for_name_and_use(model_id):
    it = open_model(model_id)
    origin = open_model(it.shape_id)
    assert origin.shape is None
    assert [value(it.layers), value(it.parameters)] == [value(origin.layers), value(origin.parameters)]
    assert it.modality == origin.modality


def test_a_file_that_names_a_shape_holds_nothing_of_it():
    for path in FILES:
        content = read_mapping(path)
        if content.get("shape"):
            assert not set(content) & set(SHAPE_FIELDS), path.name


@pytest.mark.parametrize(
    ("model_id", "shape"),
    [
        ("deepseek-r1", "deepseek-v3"),
        ("deepseek-r1-distill-llama-8b", "llama-3.1-8b"),
        ("llama-3-8b", "llama-3.1-8b"),
        ("llama-3-70b", "llama-3.1-70b"),
        ("llama-3.3-70b", "llama-3.1-70b"),
        ("mistral-7b", "mistral-7b-v0.3"),
        ("sdxl", "sdxl-base-1.0"),
    ],
)
def test_relatives_take_their_figures_with_their_sources(model_id, shape):
    relative, origin = open_model(model_id), open_model(shape)
    assert relative.shape_id == origin.id
    for name in SHAPE_FIELDS:
        assert getattr(relative, name) == getattr(origin, name), name
    assert relative.name != origin.name


def test_latent_attention_windows_and_experts_are_told():
    assert open_model("deepseek-r1").kv_latent_size.value == 576
    for model_id, tokens, share in (
        ("gpt-oss-20b", 128, 1 / 2),
        ("gpt-oss-120b", 128, 1 / 2),
        ("gemma-3-27b", 1024, 5 / 6),
    ):
        it = open_model(model_id)
        assert it.window_tokens.value == tokens
        assert it.windowed_layers_share.value == pytest.approx(share, rel=0.01)
    experts = {"deepseek-v3": (256, 8), "mixtral-8x7b": (8, 2), "gpt-oss-120b": (128, 4), "llama-4-scout": (16, 1)}
    for model_id, pair in experts.items():
        it = open_model(model_id)
        assert (it.experts.value, it.experts_per_token.value) == pair


def test_models_without_layers_have_no_shape():
    without = {model_id for model_id in open_model_ids() if not open_model(model_id).has_shape}
    assert without == {"mistral-large-3", "sd-1.5", "sd-1.x", "sdxl", "sdxl-base-1.0"}
    assert open_model("mistral-large-3").active_parameters.value == 41e9
    with pytest.raises(ValueError, match=r"^vocab_size of 'sdxl' is not in the catalogue$"):
        _ = open_model("sdxl").embedding_parameters


def test_one_model_reads_its_file_and_that_of_its_shape_only(monkeypatch):
    read = []
    monkeypatch.setattr(fact_files, "read_mapping", lambda path: (read.append(path.stem), read_mapping(path))[1])
    hardware.open_model.__wrapped__("llama-3.3-70b")
    hardware.gpu.__wrapped__("l4")
    assert read == ["llama-3.3-70b", "llama-3.1-70b", "l4"]


@pytest.mark.slow
def test_the_whole_catalogue_loads_in_a_blink():
    code = (
        "import time; from simulator.catalogue.hardware import gpu, gpu_ids, open_model, open_model_ids\n"
        "start = time.perf_counter()\n"
        "[gpu(i) for i in gpu_ids()], [open_model(i) for i in open_model_ids()]\n"
        "print(time.perf_counter() - start)"
    )
    run = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(3)]
    assert min(float(one.stdout) for one in run) < 0.1  # 0.025 s where it was written


def test_a_mistyped_gpu_is_told_a_near_one():
    with pytest.raises(UnknownId, match=re.escape("is 'a10gg', must be one of ")) as fault:
        gpu("a10gg")
    assert str(fault.value).endswith("; did you mean 'a10g'?")
    assert isinstance(fault.value, ValueError)


def test_a_path_is_not_an_id():
    with pytest.raises(UnknownId, match=r"is '\.\./models/llama-3\.1-8b', must be one of"):
        gpu("../models/llama-3.1-8b")


def test_an_id_like_nothing_gets_no_suggestion():
    with pytest.raises(UnknownId, match=r"must be one of [^;]*$"):
        open_model("zzzz")


def written(folder, text, name="t4"):
    path = folder / "hardware" / "gpus" / f"{name}.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return path


GOOD = """
id: t4
name: NVIDIA T4
vendor: nvidia
generation: turing
source: a list of GPUs
as_of: 2025-12-01
memory_bytes: 16e9
memory_bandwidth_bytes_per_s: {value: 320e9, note: some pages give 300}
flops_16bit_per_s: {value: 65e12, source: the launch, as_of: null, unverified: true}
flops_fp8_per_s: null
flops_int8_per_s: null
flops_fp4_per_s: null
link_bytes_per_s: null
link: pcie
tdp_w: 70
release_year: 2018
"""


def test_a_source_of_the_file_holds_for_every_figure_without_its_own(tmp_path):
    path = written(tmp_path, GOOD)
    it = parsed(Gpu, read_facts(Gpu, path), path)
    assert (it.memory_bytes.value, it.memory_bytes.source, str(it.memory_bytes.as_of)) == (
        16e9,
        "a list of GPUs",
        "2025-12-01",
    )
    assert (it.memory_bandwidth_bytes_per_s.source, it.memory_bandwidth_bytes_per_s.note) == (
        "a list of GPUs",
        "some pages give 300",
    )
    assert (it.flops_16bit_per_s.source, it.flops_16bit_per_s.as_of) == ("the launch", None)
    assert [it.tdp_w.unverified, it.flops_16bit_per_s.unverified] == [False, True]
    assert it.flops_fp8_per_s is None


def test_a_doubt_of_the_file_holds_for_its_figures_but_not_for_those_with_a_source(tmp_path):
    text = GOOD.replace("as_of: 2025-12-01", "as_of: null\nunverified: true").replace(", unverified: true}", "}")
    path = written(tmp_path, text)
    it = parsed(Gpu, read_facts(Gpu, path), path)
    assert [it.memory_bytes.unverified, it.flops_16bit_per_s.unverified] == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("16e9", "-16e9"), r"memory_bytes\.value: is -16000000000\.0, input should be greater"),
        (GOOD.replace("vendor:", "seller:"), r"vendor: is missing; seller: unknown key"),
        (GOOD.replace("generation: turing", "generation: touring"), r"generation: is 'touring', .*'turing'"),
        (GOOD.replace("16e9", "many"), r"memory_bytes\.value: is 'many', input should be a valid number"),
        (GOOD.replace("release_year: 2018", ""), r"release_year: is missing"),
        (GOOD.replace("source: a list of GPUs\n", ""), r"source: is missing, as the file gives as_of"),
        (GOOD.replace("as_of: 2025-12-01\n", ""), r"as_of: is missing, as the file gives source"),
        (
            GOOD.replace("source: a list of GPUs\nas_of: 2025-12-01\n", ""),
            r"memory_bytes\.source: is missing; memory_bytes\.as_of: is missing; memory_bandwidth_bytes_per_s\.source",
        ),
        (GOOD.replace("a list of GPUs", "''"), r"memory_bytes\.source: is '', string should have at least 1"),
        (GOOD.replace("the launch, as_of: null", "the launch"), r"flops_16bit_per_s\.as_of: is missing"),
        (GOOD + "id: t4\n", r"key 'id' is repeated"),
        ("- id: t4\n", r"must hold a mapping"),
        ("id: [t4\n", r"did not find expected"),
    ],
)
def test_a_malformed_file_is_named_with_its_key_in_one_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(ValueError, match=rf"^hardware/gpus/t4\.yaml:.*{message}") as fault:
        parsed(Gpu, read_facts(Gpu, path), path)
    assert "\n" not in str(fault.value)


MODEL = """
id: small
name: Small
source: a configuration
as_of: 2026-01-01
parameters: 8e9
active_parameters: 8e9
layers: 32
hidden_size: 4096
attention_heads: 32
kv_heads: 8
head_dim: 128
vocab_size: 128256
context_tokens: 8192
native_precision: bf16
"""


def model_of(folder, text):
    path = folder / "hardware" / "models" / "small.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    return parsed(OpenModel, with_shape(read_facts(OpenModel, path), path), path)


def test_a_word_takes_the_source_of_its_file_as_a_number_does(tmp_path):
    it = model_of(tmp_path, MODEL)
    assert (it.native_precision.value, it.native_precision.source) == ("bf16", "a configuration")
    assert it.has_shape
    assert it.licence is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MODEL.replace("layers: 32\n", ""), r"layers: is missing"),
        (
            MODEL.replace("parameters: 8e9\nactive_parameters: 8e9\n", ""),
            r"parameters: is missing; active_parameters: ",
        ),
        (
            MODEL.replace("active_parameters: 8e9", "active_parameters: 9e9"),
            r"active_parameters: is 9e\+09, must be at ",
        ),
        (MODEL + "experts: 8\n", r"experts_per_token: is missing"),
        (MODEL + "experts: 8\nexperts_per_token: 9\n", r"experts_per_token: is 9, must be at most experts, 8"),
        (MODEL + "window_tokens: 128\n", r"windowed_layers_share: is missing"),
        (MODEL + "window_tokens: 128\nwindowed_layers_share: 50\n", r"windowed_layers_share: is 50, must be at most 1"),
        (MODEL + "tied_embeddings: 1\n", r"tied_embeddings: is 1, input should be a valid boolean"),
        (MODEL + "modality: sound\n", r"modality: is 'sound', input should be 'text' or 'image'"),
        (MODEL + "shape: llama-3.1-9b\n", r"shape: is 'llama-3.1-9b', must be one of .*did you mean 'llama-3.1-8b'\?"),
        (MODEL + "shape: llama-3-8b\n", r"shape: is 'llama-3-8b', must be a model with a shape of its own"),
    ],
)
def test_a_model_that_is_not_whole_is_told_by_file_and_key_in_one_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"^hardware/models/small\.yaml: {message}") as fault:
        model_of(tmp_path, text)
    assert "\n" not in str(fault.value)


def test_what_a_file_gives_itself_stands_before_its_shape(tmp_path):
    text = "id: small\nname: Small\nshape: llama-3.1-8b\nsource: here\nas_of: 2026-01-01\nvocab_size: 32000\n"
    it = model_of(tmp_path, text + "context_tokens: null\nnative_precision: null\n")
    assert (it.vocab_size.value, it.vocab_size.source) == (32000, "here")
    assert it.layers == open_model("llama-3.1-8b").layers
    assert it.context_tokens is None, "what is not of the shape is not taken over"


def test_numbers_are_read_as_yaml_1_2_reads_them(tmp_path):
    path = tmp_path / "numbers.yaml"
    path.write_text("{a: 85.5e9, b: 12, c: no, d: 12:30, e: 2026-07-20, f: null, g: true}", encoding="utf-8")
    read = {"a": 85.5e9, "b": 12, "c": "no", "d": "12:30", "e": "2026-07-20", "f": None, "g": True}
    assert read_mapping(path) == read
    assert yaml.safe_load("1e6") == "1e6", "the loader of the catalogue leaves PyYAML's own as it is"
