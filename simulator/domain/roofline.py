"""How long a replica takes for one iteration of continuous batching, from its model, its GPUs and fitted efficiencies.

One iteration gives every running sequence one token and computes the prompts that arrive meanwhile. Formulas take
numbers, or arrays of shape (n,) in any field, so that one call serves a question as well as a table of measurements.
The ingredients are standard: Pope et al. 2022 (arXiv 2211.05102), Yuan et al. 2024 (arXiv 2402.16363), Bambhaniya et
al. 2024 (arXiv 2406.01698).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from simulator.domain.serving import Numbers, larger, smaller

SIXTEEN_BIT_BYTES = 2.0
FLOPS_PER_PARAMETER = 2.0  # a multiplication and an addition
ATTENTION_FLOPS_PER_VALUE = 4.0  # scores and weighted values, a multiplication and an addition each
DIRECTIONS_PER_ALL_REDUCE = 2.0  # reduce, then gather
ALL_REDUCES_PER_LAYER = 2.0  # after attention and after the feed-forward part
ROUTING_EVENNESS = 0.95  # routing is not even: further tokens meet as many experts as this share of them, evenly routed


@dataclass(frozen=True)
class ModelShape:
    """The numbers of a model that decide memory and speed. A dense model has 0 experts and a routed share of 0."""

    parameters: Numbers
    active_parameters: Numbers  # a token passes through these
    layers: Numbers
    hidden_size: Numbers
    attention_heads: Numbers
    kv_heads: Numbers  # 1 for latent attention, which every GPU holds whole
    head_dim: Numbers
    kv_values_per_layer: Numbers  # of one token: 2 n_kv d, or the size of the latent
    vocabulary_parameters: Numbers  # one matrix: embedding or output head
    vocabulary_matrices: Numbers  # 2; 1 where both are one
    experts: Numbers
    routed_share: Numbers  # experts per token over experts
    window_tokens: Numbers
    windowed_share: Numbers  # of the layers

    @property
    def expert_parameters(self) -> Numbers:
        """Parameters of all routed experts: what is not active, over the share of experts that is not active."""
        return (self.parameters - self.active_parameters) / (1.0 - self.routed_share)

    @property
    def matrix_parameters(self) -> Numbers:
        """Parameters that a token is multiplied with: the active ones without the look-up of its embedding."""
        return self.active_parameters - self.vocabulary_parameters * (self.vocabulary_matrices - 1.0)

    @property
    def is_mixture(self) -> Numbers:
        """1.0 for a mixture of experts, 0.0 for a dense model."""
        return _switch(self.experts > 0)

    def context_tokens_held(self, tokens: Numbers) -> Numbers:
        """Tokens in the cache of a layer, on average over layers with a sliding window and those without."""
        return (1.0 - self.windowed_share) * tokens + self.windowed_share * smaller(tokens, self.window_tokens)


@dataclass(frozen=True)
class Accelerator:
    """The peaks of one GPU, at the precision of the arithmetic in question."""

    memory_bytes: Numbers
    bandwidth_bytes_per_s: Numbers
    flops_per_s: Numbers
    flops_16bit_per_s: Numbers
    link_bytes_per_s: Numbers  # one direction


@dataclass(frozen=True)
class Layout:
    """How one replica is spread over GPUs. Experts are shared by `expert_parallel` GPUs, at least by a tensor group."""

    tensor_parallel: Numbers = 1
    pipeline_parallel: Numbers = 1
    data_parallel: Numbers = 1
    expert_parallel: Numbers = 1

    @property
    def gpus(self) -> Numbers:
        """GPUs of the replica."""
        return self.tensor_parallel * self.pipeline_parallel * self.data_parallel

    @property
    def gpus_per_group(self) -> Numbers:
        """GPUs that serve one sequence."""
        return self.tensor_parallel * self.pipeline_parallel

    @property
    def gpus_per_expert_set(self) -> Numbers:
        """GPUs of one pipeline stage that hold all its experts together."""
        return larger(self.tensor_parallel, self.expert_parallel)


@dataclass(frozen=True)
class NumberFormat:
    """Bytes of a weight and of a value in the cache; `weights_only` where arithmetic stays in 16 bit."""

    bytes_per_weight: Numbers
    bytes_per_kv_value: Numbers
    weights_only: Numbers  # 1.0 or 0.0


@dataclass(frozen=True)
class Efficiency:
    """Shares of the peaks that are reached, and the time around the arithmetic: fitted to published measurements.

    Effective values: bandwidth share and overheads trade off, so none is a property of the hardware alone.
    """

    bandwidth_share: Numbers
    compute_share: Numbers  # at the precision
    iteration_s: Numbers
    sequence_s: Numbers
    layer_s: Numbers
    memory_share: Numbers  # of the GPU's memory that the engine uses
    batch_cap: Numbers  # sequences of one data-parallel group
    kv_bandwidth_share: Numbers
    decode_compute_share: Numbers
    knee: Numbers  # exponent of the smooth maximum
    attention_compute_share: Numbers
    reserve_bytes: Numbers
    output_held_share: Numbers  # of its output a sequence holds in memory, on average over the batch
    mixture_compute_share: Numbers
    mixture_bandwidth_share: Numbers
    mixture_layer_s: Numbers
    weights_only_bandwidth_share: Numbers
    weights_only_compute_share: Numbers
    link_share: Numbers
    all_reduce_s: Numbers
    all_to_all_share: Numbers
    pipeline_loss_share: Numbers
    finite_run_loss_share: Numbers
    first_token_s: Numbers


@dataclass(frozen=True)
class Replica:
    """One running copy of a model, as the formulas see it."""

    shape: ModelShape
    accelerator: Accelerator
    layout: Layout
    number_format: NumberFormat
    efficiency: Efficiency

    @cached_property
    def flawless(self) -> Replica:
        """The same at the peaks of its data sheet."""
        shares = {name: 1.0 for name in vars(self.efficiency) if name.endswith("_share")}
        return replace(self, efficiency=replace(self.efficiency, **shares))


@dataclass(frozen=True)
class IterationTerms:
    """The parts of an iteration's time, so that T(B) = smooth maximum(weights(B), matrices B) + the rest."""

    weights_s: Numbers  # reading what every token needs
    experts_s: Numbers  # reading all routed experts
    routed_share: Numbers
    sequences_met_share: Numbers  # of the replica's sequences that meet in one set of experts
    matrices_s: Numbers  # decode arithmetic, per token
    kv_s: Numbers  # reading the cache, per sequence
    prefill_s: Numbers  # prompts, per sequence and token of output
    link_s: Numbers  # messages between GPUs, per token
    link_prefill_s: Numbers  # the same for the prompts
    latency_s: Numbers  # of the messages
    overhead_s: Numbers
    sequence_overhead_s: Numbers
    knee: Numbers
    stretch: Numbers  # of the whole, by pipeline bubbles
    groups: Numbers  # data-parallel groups x stages: a sequence is in one of them at a time
    tokens_per_pass: Numbers = 1.0  # speculative decoding: tokens that one pass of the model yields


def weight_bytes(shape: ModelShape, bytes_per_weight: Numbers) -> Numbers:
    """Memory that the weights take, over all GPUs that share one copy. [bytes]

    W = b (N - 2 V H) + 2 bytes x 2 V H: quantised checkpoints leave the embedding and the output head in 16 bit.
    """
    vocabulary = shape.vocabulary_parameters * shape.vocabulary_matrices
    return bytes_per_weight * (shape.parameters - vocabulary) + SIXTEEN_BIT_BYTES * vocabulary


def kv_bytes_per_token(shape: ModelShape, bytes_per_value: Numbers, tensor_parallel: Numbers = 1) -> Numbers:
    """Cache of one token of context in the layers that keep it, over the GPUs of a tensor group. [bytes per token]

    2 L n_kv d b: a key and a value of every head and layer; with latent attention L x latent size x b. Where there are
    more GPUs than key-value heads the heads are repeated, and a latent is repeated on every GPU.
    """
    repeats = larger(1.0, tensor_parallel / shape.kv_heads)
    return shape.layers * shape.kv_values_per_layer * bytes_per_value * repeats


def weight_bytes_per_gpu(replica: Replica) -> Numbers:
    """Weights that one GPU holds: routed experts are shared by their set of GPUs, the rest by a group. [bytes]"""
    shape, layout, bytes_per_weight = replica.shape, replica.layout, replica.number_format.bytes_per_weight
    experts = bytes_per_weight * shape.expert_parameters * shape.is_mixture
    rest = weight_bytes(shape, bytes_per_weight) - experts
    stages = layout.pipeline_parallel
    return rest / layout.gpus_per_group + experts / (layout.gpus_per_expert_set * stages)


def free_bytes_per_gpu(replica: Replica) -> Numbers:
    """Memory left for the cache of keys and values on one GPU; below 0 the weights do not fit. [bytes]"""
    efficiency = replica.efficiency
    usable = efficiency.memory_share * replica.accelerator.memory_bytes - efficiency.reserve_bytes
    return usable - weight_bytes_per_gpu(replica)


def largest_batch_in_memory(replica: Replica, input_tokens: Numbers, output_tokens: Numbers) -> Numbers:
    """Sequences of the mean length that fit into memory at once, over all groups; below 1: not one.

    B = G (u M - reserve) - W over the cache of I + rho O tokens, since sequences of a batch are at different points of
    their output; rho is fitted.
    """
    layout, shape = replica.layout, replica.shape
    held = shape.context_tokens_held(input_tokens + replica.efficiency.output_held_share * output_tokens)
    bytes_per_token = kv_bytes_per_token(shape, replica.number_format.bytes_per_kv_value, layout.tensor_parallel)
    room = larger(free_bytes_per_gpu(replica), 0.0) * layout.gpus_per_group
    in_group = room / (bytes_per_token * larger(held, 1.0))
    # A sequence cannot be shared by groups: where none fits into one, several have no room for one either.
    return in_group * (1.0 + (layout.data_parallel - 1.0) * (in_group >= 1.0))


def largest_batch(replica: Replica, input_tokens: Numbers, output_tokens: Numbers) -> Numbers:
    """Sequences that run at once at most: what fits into memory, and what the engine allows."""
    in_memory = largest_batch_in_memory(replica, input_tokens, output_tokens)
    return smaller(in_memory, replica.efficiency.batch_cap * replica.layout.data_parallel)


def iteration_terms(
    replica: Replica,
    input_tokens: Numbers,
    output_tokens: Numbers,
    prefix_cached_share: Numbers = 0.0,
    tokens_per_pass: Numbers = 1.0,
) -> IterationTerms:
    """The parts of an iteration's time for requests of a mean length.

    Parameters
    ----------
    replica : Replica
        Model, GPUs, layout, number formats and efficiencies.
    input_tokens, output_tokens : number or array of shape (n,)
        Mean lengths of a request. [tokens]
    prefix_cached_share : number or array of shape (n,)
        Share of the input found in the prefix cache: its cache is read, not computed again. [1]
    tokens_per_pass : number or array of shape (n,)
        Tokens that one pass yields with speculative decoding, a stated factor. [1]

    Returns
    -------
    IterationTerms
        In seconds.
    """
    shape, gpu, layout = replica.shape, replica.accelerator, replica.layout
    number_format, efficiency = replica.number_format, replica.efficiency
    mixture, weights_only = shape.is_mixture, number_format.weights_only
    bandwidth = efficiency.bandwidth_share * gpu.bandwidth_bytes_per_s
    weight_bandwidth = bandwidth * _where_on(weights_only, efficiency.weights_only_bandwidth_share)
    flops = efficiency.compute_share * gpu.flops_per_s
    flops = flops * _where_on(mixture, efficiency.mixture_compute_share)
    flops = flops * _where_on(weights_only, efficiency.weights_only_compute_share)
    expert_parameters = shape.expert_parameters * mixture
    always_read = shape.matrix_parameters - expert_parameters * shape.routed_share - shape.vocabulary_parameters
    read_bytes = number_format.bytes_per_weight * always_read + SIXTEEN_BIT_BYTES * shape.vocabulary_parameters
    expert_bytes = number_format.bytes_per_weight * expert_parameters
    expert_bandwidth = weight_bandwidth * _where_on(mixture, efficiency.mixture_bandwidth_share)
    kv_bytes = kv_bytes_per_token(shape, number_format.bytes_per_kv_value, layout.tensor_parallel)
    kv_tokens = shape.context_tokens_held(input_tokens + output_tokens / 2.0)
    computed = input_tokens * (1.0 - prefix_cached_share)
    prompts = computed / output_tokens  # prompt tokens for every token of output
    link_s, link_latency_s = _message_times(replica)
    return IterationTerms(
        weights_s=read_bytes / (layout.tensor_parallel * weight_bandwidth),
        experts_s=expert_bytes / (layout.gpus_per_expert_set * expert_bandwidth),
        routed_share=shape.routed_share * mixture,
        sequences_met_share=layout.gpus_per_expert_set / (layout.tensor_parallel * layout.data_parallel),
        matrices_s=FLOPS_PER_PARAMETER
        * shape.matrix_parameters
        / (layout.gpus * flops * efficiency.decode_compute_share),
        kv_s=kv_tokens * kv_bytes / (layout.gpus * bandwidth * efficiency.kv_bandwidth_share),
        prefill_s=prompts
        * _prompt_s_per_token(replica, flops, input_tokens, input_tokens * prefix_cached_share)
        / layout.gpus,
        link_s=link_s,
        link_prefill_s=link_s * prompts,
        latency_s=link_latency_s,
        overhead_s=efficiency.iteration_s + shape.layers * (efficiency.layer_s + mixture * efficiency.mixture_layer_s),
        sequence_overhead_s=efficiency.sequence_s / layout.data_parallel,
        knee=efficiency.knee,
        stretch=1.0 + _switch(layout.pipeline_parallel > 1) * efficiency.pipeline_loss_share,
        groups=layout.data_parallel * layout.pipeline_parallel * 1.0,
        tokens_per_pass=tokens_per_pass,
    )


def iteration_s(terms: IterationTerms, batch: Numbers) -> Numbers:
    """Time in which every one of `batch` sequences gets one token, prompts of their successors included. [s]

    Where reading weights and arithmetic take about the same time they hinder each other: a smooth maximum
    (a^p + b^p)^(1/p), not the larger one, which would be up to 1.6 times too fast.
    """
    decode_s = pass_s(terms, batch) / terms.tokens_per_pass
    return decode_s + larger(batch, terms.groups) * (terms.prefill_s + terms.link_prefill_s) * terms.stretch


def pass_s(terms: IterationTerms, batch: Numbers) -> Numbers:
    """Time of one pass of the model over `batch` sequences, without any prompts. [s]

    Speculative decoding saves reading, not arithmetic: every token that a pass yields is computed and sent, and drafts
    that are refused, which are not counted here, as well. Fewer sequences than groups and stages leave some idle.
    """
    shared = larger(batch, terms.groups)
    tokens = shared * terms.tokens_per_pass
    reading_s = terms.weights_s + terms.experts_s * experts_met_share(terms, batch)
    linear_s = _smooth_maximum(reading_s, tokens * terms.matrices_s, terms.knee)
    per_sequence_s = terms.kv_s + terms.sequence_overhead_s
    rest_s = shared * per_sequence_s + tokens * terms.link_s + terms.latency_s + terms.overhead_s
    return (linear_s + rest_s) * terms.stretch


def experts_met_share(terms: IterationTerms, batch: Numbers) -> Numbers:
    """Share of the routed experts that at least one of the tokens of a pass over the batch is sent to."""
    tokens = batch * terms.tokens_per_pass * terms.sequences_met_share
    others = ROUTING_EVENNESS * larger(tokens - 1.0, 0.0)
    return 1.0 - (1.0 - terms.routed_share) ** (1.0 + others)


def output_tokens_per_s(terms: IterationTerms, batch: Numbers) -> Numbers:
    """Throughput of the replica while `batch` sequences run. [output tokens/s]"""
    return batch / iteration_s(terms, batch)


def time_per_token_s(terms: IterationTerms, batch: Numbers) -> Numbers:
    """Mean time from one token of a request to its next: an iteration, without the request's own prompt. [s]"""
    return pass_s(terms, batch) / terms.tokens_per_pass + others_prompts_s(terms, batch)


def others_prompts_s(terms: IterationTerms, batch: Numbers) -> Numbers:
    """Time of an iteration that goes to the prompts of all sequences but one. [s]"""
    return larger(batch - terms.groups, 0.0) * (terms.prefill_s + terms.link_prefill_s) * terms.stretch


def lone_first_token_s(replica: Replica, terms: IterationTerms, output_tokens: Numbers) -> Numbers:
    """Time from the arrival of a request at an idle replica to its first token. [s]

    The prompt's arithmetic, at least one reading of the weights, overheads, and a constant for server and client.
    """
    reading_s = terms.weights_s + terms.experts_s
    first_s = larger(prompt_s(replica, terms, output_tokens), reading_s) + terms.latency_s + terms.overhead_s
    return first_s * terms.stretch + replica.efficiency.first_token_s


def prompt_s(replica: Replica, terms: IterationTerms, output_tokens: Numbers) -> Numbers:
    """Time that one prompt takes by itself: stages of a pipeline work on it one after the other. [s]"""
    per_sequence_s = output_tokens * (terms.prefill_s + terms.link_prefill_s)
    return per_sequence_s * replica.layout.data_parallel * replica.layout.pipeline_parallel


class Fastest(NamedTuple):
    """What no engine can beat."""

    output_tokens_per_s: Numbers
    tpot_s: Numbers


def fastest(
    replica: Replica,
    batch: Numbers,
    input_tokens: Numbers,
    output_tokens: Numbers,
    prefix_cached_share: Numbers = 0.0,
    tokens_per_pass: Numbers = 1.0,
) -> Fastest:
    """A batch at the peaks of the data sheet: no engine can be faster.

    Throughput is bound by the longer of reading (weights and cache) and arithmetic, each at its peak and both at once,
    without overheads and with messages that cost nothing; time per token by reading alone.
    """
    terms = iteration_terms(replica.flawless, input_tokens, output_tokens, prefix_cached_share, tokens_per_pass)
    reading_s = terms.weights_s + terms.experts_s * experts_met_share(terms, batch)
    shared = larger(batch, terms.groups)
    reading_s = (reading_s + shared * terms.kv_s) / terms.tokens_per_pass
    arithmetic_s = shared * (terms.matrices_s + terms.prefill_s)
    return Fastest(batch / larger(reading_s, arithmetic_s), reading_s)


def _smooth_maximum(first: Numbers, second: Numbers, exponent: Numbers) -> Numbers:
    """(a^p + b^p)^(1/p), from the larger one outwards, so that an infinite exponent gives the maximum itself."""
    longer, shorter = larger(first, second), smaller(first, second)
    return longer * (1.0 + (shorter / longer) ** exponent) ** (1.0 / exponent)


def _switch(condition: Any) -> Numbers:
    """1.0 where a condition holds, 0.0 where it does not."""
    return condition * 1.0


def _where_on(switch: Numbers, factor: Numbers) -> Numbers:
    """`factor` where the switch is 1.0, 1 where it is 0.0."""
    return 1.0 + switch * (factor - 1.0)


def _prompt_s_per_token(replica: Replica, flops_per_s: Numbers, input_tokens: Numbers, cached: Numbers) -> Numbers:
    """Arithmetic of one prompt token on one GPU: matrices, and attention to all tokens before it. [s]"""
    shape, gpu = replica.shape, replica.accelerator
    matrices = FLOPS_PER_PARAMETER * shape.matrix_parameters / flops_per_s
    before = shape.context_tokens_held((input_tokens + cached) / 2.0)
    attention = ATTENTION_FLOPS_PER_VALUE * shape.layers * shape.attention_heads * shape.head_dim * before
    return matrices + attention / (replica.efficiency.attention_compute_share * gpu.flops_16bit_per_s)


def _message_times(replica: Replica) -> tuple[Numbers, Numbers]:
    """Messages between GPUs: seconds per sequence (or prompt token), and seconds of latency per iteration."""
    shape, layout, efficiency = replica.shape, replica.layout, replica.efficiency
    link = efficiency.link_share * replica.accelerator.link_bytes_per_s
    token_bytes = SIXTEEN_BIT_BYTES * shape.hidden_size
    tensor = layout.tensor_parallel
    per_group = 1.0 / (layout.data_parallel * layout.pipeline_parallel)
    all_reduce = ALL_REDUCES_PER_LAYER * DIRECTIONS_PER_ALL_REDUCE * (tensor - 1.0) / tensor
    # Within one tensor group the all-reduce brings experts' results together; other groups send tokens to and fro.
    experts_over = layout.expert_parallel
    spread = _switch((experts_over > 1) & (layout.data_parallel > 1)) * shape.is_mixture
    experts_per_token = larger(1.0, shape.routed_share * shape.experts / 2.0)
    elsewhere = (experts_over - 1.0) / experts_over
    all_to_all = spread * DIRECTIONS_PER_ALL_REDUCE * efficiency.all_to_all_share * experts_per_token * elsewhere
    seconds = per_group * shape.layers * (all_reduce + all_to_all) * token_bytes / link
    messages = ALL_REDUCES_PER_LAYER * (_switch(tensor > 1) + spread)
    return seconds, shape.layers * messages * efficiency.all_reduce_s
