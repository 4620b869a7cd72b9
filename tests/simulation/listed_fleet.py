"""A fleet written out in lists: replicas in a stack, work in dated parcels, autoscalers by their documented rules.

The second route to what the compiled loop does. Loads are the arrivals of each step, in replicas that would be busy all
the time; a request is 4 tokens, of which a replica serves 25 a second.
"""

import math
from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from simulator.interface import load_scenario, make_plan
from simulator.simulation.demand import sample_demand
from simulator.simulation.fleet import serve

REPLICA_TOKENS_PER_S = 100.0
TOKENS_PER_REQUEST = 4
REQUESTS_PER_S = REPLICA_TOKENS_PER_S / TOKENS_PER_REQUEST
SECONDS_PER_MONTH = 2_628_000.0


@dataclass(frozen=True)
class Case:
    """A small fleet. `loads` are the arrivals of each step, in replicas that would be busy all the time."""

    loads: tuple[float, ...]
    step_s: float = 60.0
    autoscaling: tuple[tuple[str, object], ...] = (("kind", "target_utilization"), ("stabilisation_s", 0.0))
    replicas: tuple[tuple[str, object], ...] = (("minimum", 0),)
    cold_start_s: float = 0.0
    max_wait_s: float = math.inf
    billing_from: str = "request"
    minimum_up_s: float = 0.0

    def scenario(self):
        points = [{"at_s": float(i * self.step_s), "level": load} for i, load in enumerate(self.loads)]
        fleet = {
            "kind": "self_hosted",
            "rental": {"usd_per_gpu_hour": 2.0},
            "throughput": {"total_tokens_per_s": REPLICA_TOKENS_PER_S},
            "autoscaling": dict(self.autoscaling),
            "replicas": dict(self.replicas),
            "max_wait_s": self.max_wait_s,
            "billing_from": self.billing_from,
        }
        price = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 1.0}
        return {
            "title": "a small fleet",
            "horizon": {"hours": len(self.loads) * self.step_s / 3600.0, "step_s": self.step_s},
            "traffic": {
                "tokens_per_month": self.mean_load * REPLICA_TOKENS_PER_S * SECONDS_PER_MONTH,
                "piecewise": {"points": points},
            },
            "workload": {"chat": {"input_tokens": 3, "output_tokens": 1}},
            "options": {"api": {"kind": "api", "prices": price}, "fleet": fleet},
        }

    @property
    def mean_load(self):
        return math.fsum(self.loads) / len(self.loads)

    def plan(self, **changes):
        """The fleet as planned; `changes` are of its plan."""
        fleet = make_plan(load_scenario(self.scenario())).options["fleet"]
        # Not by the scenario, which refuses a cold start longer than these few steps.
        return replace(fleet, **{"cold_start_s": self.cold_start_s, "minimum_up_s": self.minimum_up_s, **changes})

    def run(self, **changes):
        """The fleet's run; `changes` are of its plan."""
        scenario = load_scenario(self.scenario())
        demand = sample_demand(scenario.traffic, scenario.horizon, scenario.seed)
        requests = self.mean_load * REQUESTS_PER_S * SECONDS_PER_MONTH
        return serve(self.plan(**changes), demand, np.array([requests]), record=True)

    def simulated(self):
        """What happened in each step, in replicas and replica-steps of work, by name."""
        record = self.run().record
        per_replica_step = REQUESTS_PER_S * self.step_s
        return {
            "served": record.served_requests / per_replica_step,
            "overflow": record.overflow_requests / per_replica_step,
            "queued": record.queued_requests / per_replica_step,
            "ready": record.ready_replicas,
            "billed": record.billed_replicas,
        }


def limited(wanted, case, *, own=False):
    """A wish in whole replicas: spare, minimum, increment, maximum, in this order; `own`: not the first two."""
    limits = dict(case.replicas)
    whole = not limits.get("divisible", False)
    number = math.ceil(wanted - 1e-9) if whole else wanted
    if not own:
        number = max(number + limits.get("spare", 0), limits.get("minimum", 1))
    if whole:
        increment = limits.get("increment", 1)
        number = increment * math.ceil(number / increment - 1e-9)
    maximum = limits.get("maximum")
    return number if maximum is None else min(number, maximum)


def steps_in(duration_s, step_s):
    return math.ceil(duration_s / step_s - 1e-9)


class Wishes:
    """Policies that look at the arrivals only: the highest limited wish of a window."""

    def __init__(self, case):
        self.case, self.policy = case, dict(case.autoscaling)
        self.age = steps_in(self.policy.get("reaction_s", 0.0), case.step_s)
        window_s = self.policy.get("stabilisation_s", 300.0)
        if self.policy["kind"] == "fixed":
            window_s = 0.0
        self.window = steps_in(window_s, case.step_s)

    def wish(self, step):
        load = self.case.loads[max(step - self.age, 0)]  # before the start every arrival equals the first step's
        if self.policy["kind"] != "fixed":
            return limited(load / self.policy.get("target_share", 0.7), self.case)
        count = self.policy.get("count")
        if count is None:
            return limited(max(self.case.loads) / self.policy.get("target_share", 1.0), self.case)
        return limited(count, self.case, own=True)

    def first(self):
        return self.wish(-1_000_000)

    def decide(self, step, total, ready, queue):
        return max(self.wish(earlier) for earlier in range(step - self.window, step + 1))


class Predicted(Wishes):
    """Last week's steps from now to one cold start later, where an hour is not longer than a step; else the load."""

    def wish(self, step):
        step, week = max(step, 0), round(7 * 86400 / self.case.step_s)
        first, last = step - week, step - week + steps_in(self.case.cold_start_s, self.case.step_s)
        margin = 1.0 + self.policy.get("margin_share", 0.1)
        loads = [self.case.loads[then] * margin for then in range(max(first, 0), min(last, step - 1) + 1)]
        if first < 0:
            loads.append(self.case.loads[step])
        return limited(max(loads) / self.policy.get("target_share", 0.7), self.case)


class ToZero(Wishes):
    """A replica is wanted in its step, and until so long after the start of the last step that wanted it."""

    def __init__(self, case):
        super().__init__(case)
        lasts_s = self.policy.get("service_s", 0.0) + self.policy.get("idle_timeout_s", 300.0)
        self.steps = max(1, steps_in(lasts_s, case.step_s))
        self.wanted = {}

    def wish(self, step, queue=0.0):
        load = self.case.loads[max(step, 0)]
        if load + queue <= 1e-9:
            return 0
        wish = limited(load / self.policy.get("target_share", 1.0), self.case)
        return wish if wish > 0 or "divisible" in dict(self.case.replicas) else limited(1e-6, self.case)

    def decide(self, step, total, ready, queue):
        self.wanted[step] = self.wish(step, queue)
        lasting = range(step - self.steps + 1, step + 1)
        return max(self.wanted[earlier] if earlier >= 0 else self.first() for earlier in lasting)


def rules_of(policy, way):
    """Window, rules and selection of a direction: what the user wrote, or Kubernetes' defaults."""
    defaults = {
        "up": {"stabilisation_s": 0.0, "rules": [{"share": 1.0}, {"replicas": 4}]},
        "down": {"stabilisation_s": 300.0, "rules": [{"share": 1.0}]},
    }
    return {"select": "most", **defaults[way], **policy.get(way, {})}


class Recommending:
    """The autoscaler of Kubernetes by its documented rules, with every recommendation and change dated."""

    def __init__(self, case):
        self.case, self.policy = case, dict(case.autoscaling)
        limits = dict(case.replicas)
        self.spare = limits.get("spare", 0)
        self.lowest = max(limits.get("minimum", 1) - self.spare, 1)
        self.highest = max((limits.get("maximum") or math.inf) - self.spare, self.lowest)
        self.whole = not limits.get("divisible", False)
        self.tolerance = self.policy.get("tolerance_share", 0.1)
        self.sync_s = self.policy.get("sync_period_s", 15.0)
        self.sync_steps = max(1, steps_in(self.sync_s, case.step_s))
        self.looks = max(1, math.floor(case.step_s / self.sync_s + 1e-9))
        first = self.recommended(self.first_wish())
        self.number = min(max(first, self.lowest), self.highest)
        self.recommendations = []  # (time, number)
        self.before = self.number
        self.changes = []  # (time, change)

    def recommended(self, wish):
        return math.ceil(wish - 1e-9) if self.whole else wish

    def first(self):
        return limited(self.number + self.spare if self.number else 0, self.case, own=True)

    def decide(self, step, total, ready, queue):
        wish = self.wish(step, ready, queue)
        if wish is not None and step % self.sync_steps == 0 and self.number > 0:
            self.number = self.follow(step * self.case.step_s, wish)
        return self.first()

    def follow(self, now_s, recommended):
        """Stabilise, hold to the rules, keep within the limits."""
        up, down = rules_of(self.policy, "up"), rules_of(self.policy, "down")
        self.recommendations.append((now_s, recommended))
        lowest = min(self.recent(up["stabilisation_s"], now_s))
        highest = max(self.recent(down["stabilisation_s"], now_s))
        number = min(max(self.number, lowest), highest)
        if number > self.number:
            number = self.allowed(up, 1, number, now_s)
        elif number < self.number:
            number = self.allowed(down, -1, number, now_s)
        number = min(max(number, self.lowest), self.highest)
        self.changes.append((now_s, number - self.number))
        return number

    def recent(self, window_s, now_s):
        window_s = steps_in(window_s, self.case.step_s) * self.case.step_s
        recent = [number for at_s, number in self.recommendations if at_s >= now_s - window_s - 1e-6]
        return recent + ([self.before] if now_s - window_s < -1e-6 else [])

    def allowed(self, rules, sign, target, now_s):
        """Go towards the target as far as the rules allow, look by look within the step."""
        if rules["select"] == "none":
            return self.number
        number, look_s, within = self.number, self.case.step_s / self.looks, []  # changes within this step
        for look in range(self.looks):
            reaches = []
            for rule in rules["rules"]:
                period_s = rule.get("period_s", 15.0)
                if period_s >= self.case.step_s - 1e-6:
                    period_s = steps_in(period_s, self.case.step_s) * self.case.step_s
                    since = math.fsum(change for at_s, change in self.changes if at_s > now_s - period_s + 1e-6)
                    start = self.number - since
                else:
                    span = max(1, steps_in(period_s, look_s))
                    start = number - math.fsum(within[look - look % span :])
                amount = rule["replicas"] if "replicas" in rule else rule["share"] * start
                reach = start + sign * amount
                if self.whole:
                    reach = math.ceil(reach - 1e-9) if sign > 0 else math.floor(reach + 1e-9)
                reaches.append(sign * reach)
            reach = sign * (max(reaches) if rules["select"] == "most" else min(reaches))
            limit = max(number, reach) if sign > 0 else min(number, reach)
            limit = min(limit, target) if sign > 0 else max(limit, target)
            within.append(limit - number)
            number = limit
            if number == target:
                break
        return number


class Hpa(Recommending):
    """HorizontalPodAutoscaler: the ratio of metric to target, not-yet-ready replicas set aside or counted as idle."""

    def __init__(self, case):
        self.metrics = []  # (busy work, ready) of every step
        super().__init__(case)

    @property
    def target(self):
        return self.policy.get("target_share", 0.7)

    def first_wish(self):
        return self.case.loads[0] / self.target

    def wish(self, step, ready, queue):
        age = steps_in(self.policy.get("reaction_s", 0.0), self.case.step_s)
        if self.policy.get("metric", "busy_share") == "load":
            work = self.case.loads[max(step - age, 0)]
        else:
            self.metrics.append((min(self.case.loads[step] + queue, ready), ready))
            work, ready = self.metrics[max(step - age, 0)]
        ready = min(ready, self.number)
        none_ready = math.inf if work > 0 else 1.0
        ratio = work / ready / self.target if ready > 0 else none_ready
        replicas = ready
        if ratio > 1 and self.number > ready:  # not-yet-ready replicas count as idle
            ratio, replicas = work / self.number / self.target, self.number
            if ratio < 1:
                return self.number
        if abs(ratio - 1) <= self.tolerance + 1e-9:
            return self.number
        return self.recommended(ratio * replicas if math.isfinite(ratio) else work / self.target)


class Keda(Recommending):
    """KEDA: from and to zero by activity and cooldown; in between the autoscaler on requests per replica."""

    def __init__(self, case):
        self.to_zero = dict(case.autoscaling).get("scale_to_zero", True)
        super().__init__(case)
        self.active_at = -math.inf
        if self.to_zero and not self.is_active(case.loads[0]):
            self.number = 0
            self.before = 0

    def requests(self, work):
        return work * REQUESTS_PER_S * self.case.step_s

    def is_active(self, work):
        return self.requests(work) > self.policy.get("activation_requests", 0.0) + 1e-9

    def count(self, busy, queue):
        waiting = self.requests(queue)
        if self.policy.get("metric", "waiting_and_in_service") == "waiting":
            return waiting
        service_s = self.policy.get("service_s")
        return waiting + busy * (1.0 if service_s is None else service_s * REQUESTS_PER_S)

    def first_wish(self):
        return self.count(self.case.loads[0], 0.0) / self.policy["requests_per_replica"]

    def wish(self, step, ready, queue):
        now_s, work = step * self.case.step_s, self.case.loads[step] + queue
        polled = step % max(1, steps_in(self.policy.get("polling_interval_s", 30.0), self.case.step_s)) == 0
        if step == 0 and self.number > 0:
            self.active_at = 0.0
        if self.to_zero and polled:
            if self.is_active(work):
                self.active_at = now_s
                if self.number == 0:
                    self.number = self.lowest
                    self.changes.append((now_s, self.number))
                    return None
            elif now_s - self.active_at > self.policy.get("cooldown_s", 300.0) + 1e-6:
                self.changes.append((now_s, -self.number))
                self.number = 0
        if self.number == 0:
            return None
        ratio = self.count(min(work, ready), queue) / (self.number * self.policy["requests_per_replica"])
        if abs(ratio - 1) <= self.tolerance + 1e-9:
            return self.number
        return self.recommended(ratio * self.number)


def autoscaler(case):
    kinds = {
        "horizontal_pod_autoscaler": Hpa, "queue_depth": Keda, "scale_to_zero": ToZero, "predictive": Predicted,
    }  # fmt: skip
    return kinds.get(dict(case.autoscaling)["kind"], Wishes)(case)


class Stack:
    """Replicas as (number, time ordered), the youngest on top; a wish goes up to so many, or down to what may stop."""

    def __init__(self, case, number):
        self.case, self.parts = case, [(number, -math.inf)]

    @property
    def total(self):
        return math.fsum(number for number, _ in self.parts)

    def ready(self, until_s):
        """Replicas ready before a moment."""
        return math.fsum(n for n, at_s in self.parts if at_s + self.case.cold_start_s < until_s - 1e-6)

    def serving(self, start_s, end_s):
        """Mean number of ready replicas between two moments."""
        spans = (n * min(max(end_s - at_s - self.case.cold_start_s, 0.0), end_s - start_s) for n, at_s in self.parts)
        return math.fsum(spans) / (end_s - start_s)

    def order(self, wanted, now_s):
        if wanted > self.total:
            self.parts.append((wanted - self.total, now_s))
        held_s = steps_in(self.case.minimum_up_s, self.case.step_s) * self.case.step_s
        # Beyond rounding: what a part is cut to may miss the wish by its last digit.
        while (
            self.total - wanted > 1e-12 * max(wanted, 1.0) and self.parts and now_s - self.parts[-1][1] >= held_s - 1e-6
        ):
            _, at_s = self.parts.pop()
            if self.total < wanted:
                self.parts.append((wanted - self.total, at_s))


def serve_parcels(parcels, able, latest_s):
    """Serve up to `able` of dated parcels [from, until, amount], the oldest first; let go of what came too early."""
    done, too_old = 0.0, 0.0
    while parcels and able > 1e-15:
        begin_s, until_s, amount = parcels[0]
        take = min(amount, able)
        able, done = able - take, done + take
        if take == amount:
            parcels.popleft()
        else:
            parcels[0] = [begin_s + (until_s - begin_s) * take / amount, until_s, amount - take]
    while parcels and parcels[0][0] < latest_s:
        begin_s, until_s, amount = parcels[0]
        lasted_s = until_s - begin_s  # 0: rounding left a crumb that came at one moment
        share = min(1.0, (latest_s - begin_s) / lasted_s) if lasted_s > 0 else 1.0
        too_old += share * amount
        if share == 1.0:
            parcels.popleft()
        else:
            parcels[0] = [latest_s, until_s, amount * (1 - share)]
    return done, too_old


class Work:
    """Queue and arrivals of a fleet, step by step."""

    def __init__(self, case):
        self.case, self.parcels = case, deque()
        self.rows = {name: [] for name in ("served", "overflow", "queued", "ready", "billed")}

    @property
    def queue(self):
        return math.fsum(amount for _, _, amount in self.parcels)

    def serve(self, step, ready, billed):
        start_s, end_s = step * self.case.step_s, (step + 1) * self.case.step_s
        if self.case.loads[step] > 0:
            self.parcels.append([start_s, end_s, self.case.loads[step]])
        done, too_old = serve_parcels(self.parcels, ready, end_s - self.case.max_wait_s)
        for name, value in zip(self.rows, (done, too_old, self.queue, ready, billed), strict=True):
            self.rows[name].append(value)


def reacting(case):
    """A fleet whose autoscaler sees what there is: replicas, ready ones and the queue, step by step."""
    scaler, work = autoscaler(case), Work(case)
    limits = dict(case.replicas)
    period = max(1, steps_in(limits.get("evaluation_period_s", 0.0), case.step_s))
    stack = Stack(case, scaler.first())
    for step in range(len(case.loads)):
        start_s, end_s = step * case.step_s, (step + 1) * case.step_s
        wanted = scaler.decide(step, stack.total, stack.ready(end_s), work.queue)
        if limits.get("max_starts") is not None and wanted > stack.total:
            whole = limits.get("increment") or 1  # machines are rented whole
            starts = max(limits["max_starts"] // whole, 1) * whole
            wanted = min(wanted, stack.total + (starts if step % period == 0 else 0))
        stack.order(wanted, start_s)
        ready = stack.serving(start_s, end_s)
        work.serve(step, ready, ready if case.billing_from == "ready" else stack.total)
    return work.rows


def foreseeing(case):
    """Ready as needed; the k-th replica is billed from one cold start before every time it is needed."""
    needed = [limited(load, case) for load in case.loads]
    billed = list(needed)
    if case.billing_from != "ready":
        levels = sorted({0.0, *needed})
        billed = [0.0] * len(needed)
        for below, level in pairwise(levels):
            paid = []  # times at which the replicas between these two levels are paid, in order and apart
            for step, number in enumerate(needed):
                if number >= level:
                    start_s = -math.inf if step == 0 else step * case.step_s - case.cold_start_s
                    end_s = (step + 1) * case.step_s
                    if paid and start_s <= paid[-1][1]:
                        paid[-1] = (paid[-1][0], end_s)
                    else:
                        paid.append((start_s, end_s))
            for step in range(len(needed)):
                start_s, end_s = step * case.step_s, (step + 1) * case.step_s
                inside = sum(max(0.0, min(end_s, b) - max(start_s, a)) for a, b in paid)
                billed[step] += (level - below) * inside / case.step_s
    work = Work(case)
    for step, (ready, paid) in enumerate(zip(needed, billed, strict=True)):
        work.serve(step, ready, paid)
    return work.rows


def written_out(case):
    """The whole case by lists, to compare with the simulation."""
    return foreseeing(case) if dict(case.autoscaling)["kind"] == "perfect_foresight" else reacting(case)


def assert_same(case):
    got, expected = case.simulated(), written_out(case)
    for name, numbers in expected.items():
        # A whole number of replicas may be one part in 10^9 short of the work: the rounding's tolerance.
        np.testing.assert_allclose(got[name], numbers, rtol=1e-9, atol=2e-8, err_msg=name)
