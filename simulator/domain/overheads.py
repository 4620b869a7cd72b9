"""Cost of an option that does not follow the tokens it was asked for, as plain numbers.

Besides what is fixed: what follows the GPUs of the month's peak (a staircase), what follows the requests that a fleet
serves (graduated by the month's amount), and what is paid again at intervals.
"""

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
    persons_per_fleet: float = 0.0
    on_call_persons: float = 0.0

    @property
    def least_persons(self) -> float:
        """Persons that are there whatever the size. [persons]"""
        return max(self.base_persons, self.on_call_persons)

    @property
    def are_any(self) -> bool:
        """Whether there can be anybody."""
        return self.gpus_per_person is not None or self.persons_per_fleet + self.least_persons > 0

    def persons(self, peak_gpus: Array) -> Array:
        """Persons needed by fleets whose month's peak is `peak_gpus` GPUs. Shape as given."""
        gpus = np.asarray(peak_gpus, dtype=np.float64)
        persons = self.base_persons + self.persons_per_fleet * (gpus > 0)
        if self.gpus_per_person is not None:
            needed = gpus / self.gpus_per_person
            persons = persons + (np.ceil(needed - 1e-9) if self.whole_persons else needed)
        return np.maximum(persons, self.on_call_persons)

    def usd_per_month(self, peak_gpus: Array) -> Array:
        """Their cost a month. [USD per month]"""
        return self.persons(peak_gpus) * (self.usd_per_person_year / MONTHS_PER_YEAR)

    def most_not_proportional_persons(self, gpus: float) -> float:
        """Persons beyond those in proportion to a demand, at most, of a fleet that is so but for `gpus` GPUs."""
        persons = self.least_persons + self.persons_per_fleet
        return persons if self.gpus_per_person is None else persons + 1.0 + gpus / self.gpus_per_person


@dataclass(frozen=True)
class PeakCost:
    """Monthly cost by the size of the fleet at the month's peak; machines of `gpus_per_node` GPUs are whole."""

    usd_per_month: float = 0.0
    usd_per_gpu_month: float = 0.0
    usd_per_node_month: float = 0.0
    gpus_per_node: float = 1.0

    def nodes(self, gpus: Array) -> Array:
        """Whole machines of so many GPUs. Shape as given."""
        return np.asarray(np.ceil(gpus / self.gpus_per_node - 1e-9), dtype=np.float64)

    def at(self, peak_gpus: Array, peak_nodes: Array | None = None) -> Array:
        """Cost of fleets of so many GPUs, and machines where those are of several kinds. Shape as given. [USD/month]"""
        gpus = np.asarray(peak_gpus, dtype=np.float64)
        nodes = self.nodes(gpus) if peak_nodes is None else peak_nodes
        return self.usd_per_month + self.usd_per_gpu_month * gpus + self.usd_per_node_month * nodes


@dataclass(frozen=True)
class GraduatedRate:
    """A price in steps: what lies above `from_amount[k]`, up to the next, costs `usd_each[k]`. The first begins at 0.

    Examples
    --------
    >>> rate = GraduatedRate((0.0, 100.0), (0.0, 0.09))
    >>> [round(float(usd), 2) for usd in rate.usd([50.0, 100.0, 300.0])]
    [0.0, 0.0, 18.0]
    """

    from_amount: tuple[float, ...]
    usd_each: tuple[float, ...]

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing, however much."""
        return not any(self.usd_each)

    def usd(self, amount: Array) -> Array:
        """Cost of an amount a month. Shape as given; never falls with the amount. [USD per month]"""
        amount = np.asarray(amount, dtype=np.float64)
        total = np.zeros(amount.shape)
        ends = (*self.from_amount[1:], np.inf)
        for start, end, each in zip(self.from_amount, ends, self.usd_each, strict=True):
            total += each * (np.clip(amount, start, end) - start)
        return total

    @property
    def most_not_proportional_usd(self) -> float:
        """Greatest distance of the cost from that of the last price for all. [USD per month]"""
        edges = np.array(self.from_amount)
        return float(np.abs(self.usd(edges) - self.usd_each[-1] * edges).max())


@dataclass(frozen=True)
class ServedCost:
    """Cost by the requests that a fleet serves: so much of something each, at a graduated rate for the month's."""

    amount_per_request: float
    rate: GraduatedRate

    def usd_per_month(self, served_per_month: Array) -> Array:
        """Cost of so many requests a month. Shape as given. [USD per month]"""
        return self.rate.usd(np.asarray(served_per_month) * self.amount_per_request)


@dataclass(frozen=True)
class RepeatedCost:
    """A cost that comes again at an interval, first one interval after the start. [USD each time], [months]"""

    usd: float
    every_months: float

    @property
    def usd_per_month(self) -> float:
        """Its mean over a long time: what of it is in the run rate, as it repeats for ever. [USD per month]"""
        return self.usd / self.every_months

    def due_by_month(self, months: int, length_months: float) -> Array:
        """What is due in each bill month of a horizon of this length; at its very end nothing is. Shape (months,)."""
        times = np.arange(1, int(length_months / self.every_months) + 2) * self.every_months
        due = np.floor(times[times < length_months - 1e-9] + 1e-9).astype(np.int64)
        return self.usd * np.bincount(due, minlength=months)[:months]


@dataclass(frozen=True)
class Overheads:
    """Cost that does not follow the tokens asked for, by name."""

    staff: Staff = field(default_factory=Staff)
    monthly_fixed_usd: Mapping[str, float] = field(default_factory=dict)
    one_off_usd: Mapping[str, float] = field(default_factory=dict)
    peak_costs: Mapping[str, PeakCost] = field(default_factory=dict)
    served_costs: Mapping[str, ServedCost] = field(default_factory=dict)
    repeated: Mapping[str, RepeatedCost] = field(default_factory=dict)
    weeks_until_live: float = 0.0

    @property
    def total_one_off_usd(self) -> float:
        """All set-up cost. [USD]"""
        return sum(self.one_off_usd.values())

    @property
    def line_names(self) -> tuple[str, ...]:
        """Names of the lines that they can have in a bill, but for those of fixed items."""
        return ("engineers", *self.peak_costs, *self.served_costs, *self.repeated)

    def most_not_proportional_usd(self, gpus: float = 0.0) -> float:
        """Monthly cost that does not grow in proportion to the volume, at most.

        Parameters
        ----------
        gpus : float
            GPUs that the fleet has at most beyond those in proportion to the volume; 0 for what is not a fleet.

        Returns
        -------
        float
            [USD per month]
        """
        persons = self.staff.most_not_proportional_persons(gpus)
        usd = sum(self.monthly_fixed_usd.values()) + persons * self.staff.usd_per_person_year / MONTHS_PER_YEAR
        for cost in self.peak_costs.values():
            usd += cost.usd_per_month + cost.usd_per_gpu_month * gpus
            usd += cost.usd_per_node_month * (1.0 + gpus / cost.gpus_per_node)
        usd += sum(cost.rate.most_not_proportional_usd for cost in self.served_costs.values())
        return usd + sum(cost.usd_per_month for cost in self.repeated.values())
