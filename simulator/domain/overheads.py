"""Cost of an option that does not follow the tokens, as plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from simulator.domain.request_lengths import Array
from simulator.domain.units import MONTHS_PER_YEAR


@dataclass(frozen=True)
class Staff:
    """People of an option, with their price."""

    base_persons: float = 0.0
    gpus_per_person: float | None = None
    whole_persons: bool = True
    usd_per_person_year: float = 0.0

    def persons(self, peak_gpus: Array) -> Array:
        """Persons needed by fleets whose month's peak is `peak_gpus` GPUs. Shape as given."""
        if self.gpus_per_person is None:
            return np.full(np.shape(peak_gpus), self.base_persons)
        needed = np.asarray(peak_gpus) / self.gpus_per_person
        return self.base_persons + (np.ceil(needed - 1e-9) if self.whole_persons else needed)

    def usd_per_month(self, peak_gpus: Array) -> Array:
        """Their cost a month. [USD per month]"""
        return self.persons(peak_gpus) * (self.usd_per_person_year / MONTHS_PER_YEAR)


@dataclass(frozen=True)
class Overheads:
    """Cost that does not follow the tokens."""

    staff: Staff = field(default_factory=Staff)
    monthly_fixed_usd: Mapping[str, float] = field(default_factory=dict)
    one_off_usd: Mapping[str, float] = field(default_factory=dict)

    @property
    def total_one_off_usd(self) -> float:
        """All set-up cost. [USD]"""
        return sum(self.one_off_usd.values())
