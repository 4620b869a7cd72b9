"""Small sweeps for tests, with bases that workers can take along."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from simulator.catalogue.planning import make_plan
from simulator.config.sweeps import load_sweep
from simulator.sweeping.run import SweepJob

RENT = "options.fleet.rental.usd_per_gpu_hour"
SHORT = {"horizon.days": 2}


def here():
    return "here"


def elsewhere():
    return "elsewhere"


def job_of(name="rents", **parts):
    """A sweep over the scenario `minimal`, two days of it."""
    sweep, base = load_sweep({"title": "A sweep", "base": "minimal", **parts}, make_plan, SHORT)
    return SweepJob(sweep, base, name, "here", "1")


@dataclass(frozen=True)
class EndsItsWorker:
    """A base one of whose points ends the process that solves it; each point is noted in a folder."""

    base: object
    rent: float
    folder: Path

    def plan_for(self, overrides):
        (self.folder / f"{overrides[RENT]}-{os.getpid()}-{time.monotonic_ns()}").touch()
        if overrides[RENT] == self.rent:
            os._exit(9)
        return self.base.plan_for(overrides)

    def __getattr__(self, name):
        if name == "base":  # while it is unpickled
            raise AttributeError(name)
        return getattr(self.base, name)
