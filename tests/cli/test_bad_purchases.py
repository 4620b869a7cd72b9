"""What is wrong with how an option is bought: file, line, key, what was given, what is allowed."""

from pathlib import Path

import pytest
from test_bad_input import FILE, SOUND, assert_told, files_in, line_of

RENTAL = "    rental:\n      provider: lambda"
MODEL = "    model: llama-3.1-8b"
API_MODEL = "    model: claude-haiku-4-5"


def bought(name, lines, key, message, *, at=-1, kept=False):
    """The fleet with other lines in place of its rental (`kept`: below it), and the fault, at one of the lines."""
    new = "\n".join([RENTAL, *lines] if kept else lines)
    text = SOUND.replace(f"{RENTAL}\n", f"{new}\n")
    return pytest.param(
        text, line_of(text, lines[at] if isinstance(at, int) else at), f"options.fleet.{key}", message, id=name
    )


def on(name, line, key, message, *, below=MODEL, option="fleet"):
    """One line more."""
    text = SOUND.replace(f"{below}\n", f"{below}\n    {line}\n")
    return pytest.param(text, line_of(text, f"    {line}"), f"options.{option}.{key}", message, id=name)


def sites(name, east, west, key, message, *, at=-1):
    lines = ["    sites:", f"      east: {{{east}}}", f"      west: {{{west}}}"]
    return bought(name, lines, f"sites.{key}", message, at=at)


SPOT = "share: 0.5, discount_share: 0.5, interruptions_per_replica_hour: 0.1"
QUOTA = "    rental: {usd_per_gpu_hour: 2.0, quota_gpus: 8}"

CASES = [
    bought("period", ["    rental: {usd_per_gpu_hour: 2.0, billed_by: day}"], "rental.billed_by",
           "is 'day', must be one of"),
    bought("quota-of-none", ["    rental: {usd_per_gpu_hour: 2.0, quota_gpus: 0}"], "rental.quota_gpus",
           "is 0, must be at least 1"),
    bought("quota-of-parts", ["    rental: {usd_per_gpu_hour: 2.0, quota_gpus: 1.5}"], "rental.quota_gpus", "is 1.5"),
    bought("quota-below-a-machine", ["    rental: {usd_per_gpu_hour: 2.0, gpus_per_instance: 8, quota_gpus: 7}"],
           "rental.quota_gpus", "is 7, must be at least 8, the GPUs of the fewest machines that can be rented"),
    bought("quota-below-a-replica", ["    gpus_per_replica: 4", "    rental: {usd_per_gpu_hour: 2.0, quota_gpus: 3}"],
           "rental.quota_gpus", "is 3, must be at least 4"),
    bought("reserved-above-the-quota", [QUOTA, "    reserved: {replicas: 9, usd_per_gpu_hour: 1.0}"],
           "reserved.replicas", "is 9 (9 GPUs), must be at most 8, what the quota of 8 GPUs holds"),
    bought("minimum-above-the-quota", [QUOTA, "    replicas: {minimum: 12}"], "replicas.minimum",
           "is 12 (12 GPUs), must be at most 8, what the quota of 8 GPUs holds"),
    bought("count-above-the-quota", [QUOTA, "    autoscaling: {kind: fixed, count: 10}"], "autoscaling.count",
           "is 10 (10 GPUs), must be at most 8"),
    bought("schedule-above-the-quota",
           [QUOTA, "    autoscaling: {kind: scheduled, windows: [{replicas: 3}, {replicas: 11}]}"],
           "autoscaling.windows[1].replicas", "is 11 (11 GPUs), must be at most 8"),
    bought("reserved-above-the-maximum",
           ["    replicas: {maximum: 4}", "    reserved: {replicas: 5, usd_per_gpu_hour: 1.0}"],
           "reserved.replicas", "is 5, must be at most replicas.maximum, 4", kept=True),
    on("minimum-above-maximum", "replicas: {minimum: 5, maximum: 4}", "replicas.maximum",
       "is 4, must be at least minimum 5"),
    on("share-on-spot", f"spot: {{{SPOT.replace('0.5', '1.5', 1)}}}", "spot.share", "is 1.5, must be at most 1"),
    on("no-share-on-spot", f"spot: {{{SPOT.replace('0.5', '0.0', 1)}}}", "spot.share",
       "is 0.0, must be greater than 0"),
    on("spot-dearer-than-free", f"spot: {{{SPOT.replace('0.5, i', '1.2, i')}}}", "spot.discount_share",
       "is 1.2, must be at most 1"),
    on("spot-that-gives-back", f"spot: {{{SPOT.replace('0.1', '-0.1')}}}", "spot.interruptions_per_replica_hour",
       "is -0.1, must be at least 0"),
    on("salary", "engineers: {base_persons: 1, usd_per_person_year: -1}", "engineers.usd_per_person_year",
       "is -1, must be at least 0"),
    on("cold-start", "cold_start_s: 1_300_000", "cold_start_s",
       "is 1.3e+06, must be at most the horizon of 1.2096e+06 s"),
    on("cold-start-in-parts", "cold_start: {provisioning_s: 2_000_000}", "cold_start",
       "takes 2e+06 s in all, must be at most the horizon of 1.2096e+06 s"),
    bought("sites-and-a-rental", ["    sites: {east: {usd_per_gpu_hour: 2}}"], "rental", "must not be given with sites",
           kept=True, at="    rental:"),
    bought("neither", ["    max_wait_s: 30"], "rental", "is missing; GPUs are rented, or owned",
           at="  fleet:"),
    bought("no-site", ["    sites: {}"], "sites", "has 0 entries, must have at least 1"),
    bought("sites-and-spot", ["    sites: {east: {usd_per_gpu_hour: 2}}", f"    spot: {{{SPOT}}}"], "spot",
           "must not be given with sites"),
    bought("sites-and-a-base", ["    sites: {east: {usd_per_gpu_hour: 2}}",
                                "    reserved: {replicas: 1, usd_per_gpu_hour: 1}"],
           "reserved", "must not be given with sites"),
    sites("a-site-that-takes-all", "usd_per_gpu_hour: 2", "usd_per_gpu_hour: 3", "east.quota_gpus",
          "is missing; the site is filled first, and nothing would come to 'west'", at=1),
    sites("machines-of-two-sizes", "usd_per_gpu_hour: 2, quota_gpus: 4", "usd_per_gpu_hour: 3, gpus_per_instance: 8",
          "west", "has machines of 8 GPUs, must be 1 as at 'east'; `sku` names a machine"),
    sites("a-provider-at-a-site", "usd_per_gpu_hour: 2, quota_gpus: 4", "provider: lamda", "west.provider",
          "did you mean 'lambda'?"),
    sites("a-region-of-a-site", "usd_per_gpu_hour: 2, quota_gpus: 4", "provider: lambda, region: moon", "west",
          "lambda has no 'on_demand' offer of 1 x h100-sxm in region 'moon'"),
    sites("a-site-that-holds-nothing", "usd_per_gpu_hour: 2, quota_gpus: 4, gpus_per_instance: 8",
          "usd_per_gpu_hour: 3, quota_gpus: 16, gpus_per_instance: 8", "east.quota_gpus",
          "is 4, must be at least 8, the GPUs of a machine", at=1),
    on("edge-share", "edge: {share: 1.0}", "edge.share", "is 1.0, must be at most 0.999"),
    on("edge-share-below-zero", "edge: {share: -0.1}", "edge.share", "is -0.1, must be at least 0"),
    on("edge-of-no-class", "edge: {share: {requset: 0.1}}", "edge.share.requset",
       "is no request class, must be one of request"),
    on("edge-of-an-api", "edge: {share: 0.5, upkeep_persons: -1}", "edge.upkeep_persons", "is -1, must be at least 0",
       below=API_MODEL, option="api"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "message"), CASES)
def test_a_fault_of_a_purchase_is_one_line_with_file_line_and_key(breakeven, text, line, key, message):
    Path(FILE).write_text(text)
    result = breakeven("run", FILE, "--output", "results")
    assert_told(result, (f"{FILE}:{line}: {key.rstrip('.')}: ", message))
    assert files_in(".") == [FILE]
