"""What comes up while a scenario is looked up: figures used, warnings, faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from simulator.domain.plans import FigureUsed, PlanFault


@dataclass
class Notes:
    """A notebook that the look-ups of one scenario share."""

    figures: dict[FigureUsed, None] = field(default_factory=dict)  # in the order of use, each once
    warnings: list[str] = field(default_factory=list)
    faults: dict[str, list[PlanFault]] = field(default_factory=dict)

    def use(
        self,
        option: str,
        what: str,
        value: str,
        source: str,
        as_of: date | None,
        unverified: bool,
        *,
        for_energy: bool = False,
    ) -> None:
        """Note a figure that a result stands on; once, however often it is used. `for_energy`: no cost stands on it."""
        self.figures[FigureUsed(option, what, value, source, as_of, unverified, for_energy)] = None

    def warn(self, text: str) -> None:
        """Note a warning for the report."""
        self.warnings.append(text)

    def fault(self, option: str, key: str, text: str, *, infeasible: bool = False) -> None:
        """Note why an option can't be planned."""
        self.faults.setdefault(option, []).append(PlanFault(key, text, infeasible))
