"""Service levels and slots that make no sense: one line with file, line and key."""

import re

import pytest

import simulator as sim

SOUND = """\
title: Sound until something is changed
traffic: {requests_per_day: 50_000}
workload: {request: {input_tokens: 500, output_tokens: 500}}
service_level:
  first_token_s: 1.0
  late_share: 0.05
options:
  api: {kind: api, model: claude-haiku-4-5}
  fleet:
    kind: self_hosted
    rental: {usd_per_instance_hour: 2.0}
    slots: {per_replica: 8, service_s: 4.0}
"""
OWNED = """\
    gpu: h100-sxm
    owned: {nodes: 1, usd_per_node: 30_000, life_years: 4}
    slots: {per_replica: 8, service_s: 4.0}
"""
RENTAL = "    rental: {usd_per_instance_hour: 2.0}\n"
SLOTS = "    slots: {per_replica: 8, service_s: 4.0}\n"
FIRST = "  first_token_s: 1.0\n"
LATE = "  late_share: 0.05\n"
SIZED = LATE + "  where_missed: size\n"
SCHEDULE = "    autoscaling: {kind: scheduled, windows: [{from_hour: 8, to_hour: 18, replicas: 2}]}\n"

FAULTS = {
    "late_share above 1": ([(LATE, "  late_share: 1.5\n")], 6, "service_level.late_share: is 1.5, must be at most 1"),
    "late_share below 0": ([(LATE, "  late_share: -1\n")], 6, "service_level.late_share: is -1, must be at least 0"),
    "a target below 0": (
        [(FIRST, "  first_token_s: -1\n")], 5, "service_level.first_token_s: is -1, must be greater than 0",
    ),
    "late against nothing": (
        [(FIRST, "  unserved_share: 0.1\n")], 6,
        "service_level.late_share: is 0.05, must be given with first_token_s or time_per_token_s: later than what?",
    ),
    "an empty level": (
        [(FIRST, ""), (LATE, "  where_missed: size\n")], 4,
        "service_level: is empty, must give first_token_s, time_per_token_s, unserved_share or availability_share",
    ),
    "an unknown way": (
        [(LATE, "  where_missed: shrink\n")], 6,
        "service_level.where_missed: is 'shrink', must be one of infeasible, size",
    ),
    "no slots": (
        [(SLOTS, "    slots: {per_replica: 0, service_s: 4.0}\n")], 12,
        "options.fleet.slots.per_replica: is 0, must be greater than 0",
    ),
    "a negative spread": (
        [(SLOTS, "    slots: {per_replica: 8, service_s: 4.0, service_scv: -1}\n")], 12,
        "options.fleet.slots.service_scv: is -1, must be at least 0",
    ),
    "slots with a service time beside a throughput": (
        [(SLOTS, SLOTS + "    throughput: {requests_per_s: 2}\n")], 12,
        "options.fleet.slots.service_s: must not be given with throughput: slots over service_s is one",
    ),
    "failures without a rate": (
        [(SLOTS, SLOTS + "    failures: {repair_s: 60}\n")], 13,
        "options.fleet.failures: must hold exactly one of per_replica_hour, mean_hours_between; holds none",
    ),
    "percentiles that fall": (
        [("claude-haiku-4-5}", "claude-haiku-4-5, latency: {ttft_p50_s: 2, ttft_p95_s: 1, source: ours}}")], 8,
        "options.api.latency.ttft_p95_s: is 1, must be at least ttft_p50_s, 2",
    ),
    "times without a source": (
        [("claude-haiku-4-5}", "claude-haiku-4-5, latency: {ttft_p50_s: 2}}")], 8,
        "options.api.latency.source: is missing",
    ),
    "always up and more": (
        [("claude-haiku-4-5}", "claude-haiku-4-5, availability_share: 1.1}")], 8,
        "options.api.availability_share: is 1.1, must be at most 1",
    ),
    "owned hardware can't be sized": (
        [(RENTAL + SLOTS, OWNED), (LATE, SIZED)], 10,
        "options.fleet.where_service_missed: is missing, service_level.where_missed says 'size', must be 'infeasible': "
        "there is nothing to size in hardware that is bought",
    ),
    "a schedule can't be sized": (
        [(SLOTS, SLOTS + SCHEDULE + "    where_service_missed: size\n")], 14,
        "options.fleet.where_service_missed: is 'size', must be 'infeasible': there is nothing to size in a schedule, "
        "which says how many replicas there are",
    ),
    "sized to no level": (
        [("service_level:\n" + FIRST + LATE, ""), (SLOTS, SLOTS + "    where_service_missed: size\n")], 10,
        "options.fleet.where_service_missed: is 'size', must be given with a service_level",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_level_that_makes_no_sense_gets_one_line(name, tmp_path):
    changes, line, text = FAULTS[name]
    written = SOUND
    for before, after in changes:
        assert written.count(before) == 1
        written = written.replace(before, after)
    path = tmp_path / "broken.yaml"
    path.write_text(written)
    with pytest.raises(ValueError, match=re.escape(text)) as error:
        sim.load_scenario(path)
    (told,) = str(error.value).splitlines()
    assert told.startswith(f"{path}:{line}: {text}")


def test_the_scenario_they_spoil_is_sound(tmp_path):
    path = tmp_path / "sound.yaml"
    path.write_text(SOUND)
    assert sim.load_scenario(path).service_level.late_share == 0.05
