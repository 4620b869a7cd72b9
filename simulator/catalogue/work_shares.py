"""How the work of a request on a replica follows the lengths of its prompt and of its answer."""

from __future__ import annotations

from simulator.catalogue.fleet_throughput import served_requests_per_s
from simulator.catalogue.lookups import Lookup
from simulator.catalogue.notes import Notes
from simulator.domain.options import SelfHostedOption
from simulator.domain.plans import WorkShares
from simulator.domain.scenario import Scenario

_SHORTER = 0.9  # lengths at which the work is asked for again; shorter ones always fit where the mean does


def work_shares(
    scenario: Scenario, option: SelfHostedOption, gpus: int, requests_per_s: float, lookup: Lookup
) -> WorkShares:
    """Shares of a request's work that are proportional to its prompt and to its answer, at the mean lengths.

    From a given throughput they follow from its unit; from an estimate they are its own slope: how much less work a
    request of 10 % less input, or output, is. Where lengths do not vary nobody needs them.
    """
    if not scenario.traffic.lengths_vary:
        return WorkShares()
    given, served = option.throughput, scenario.served_calls
    if given is not None and given.is_given:
        if given.requests_per_s is not None:
            return WorkShares()
        if given.total_tokens_per_s is not None:
            return WorkShares(
                served.per_request * served.input_tokens / served.tokens_per_request,
                served.per_request * served.output_tokens / served.tokens_per_request,
            )
        return WorkShares(0.0, 1.0)

    def share(key: str) -> float:
        workload = {
            name: request.model_copy(update={key: getattr(request, f"mean_{key}") * _SHORTER})
            for name, request in scenario.workload.items()
        }
        quiet = Lookup(lookup.path, lookup.name, Notes())
        shorter = served_requests_per_s(scenario.model_copy(update={"workload": workload}), option, gpus, quiet)
        if shorter is None:
            return 0.0
        return min(max((1.0 - requests_per_s / shorter) / (1.0 - _SHORTER), 0.0), 1.0)

    prompt, answer = share("input_tokens"), share("output_tokens")
    # Longer requests also leave room for fewer at once, so that the slopes may add to more than the whole work.
    whole = max(prompt + answer, 1.0)
    return WorkShares(prompt / whole, answer / whole)
