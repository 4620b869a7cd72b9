"""Simulation: one compiled step loop over lanes, the fleets it serves with, and the ledger of what it cost."""
