"""A month's invoice: what the terms of a contract make of a bill at list prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from simulator.domain.commercial_terms import CommercialTerms, MeasuredBy, VolumeDiscount
from simulator.domain.request_lengths import Array

REACHED = 1e-12  # a threshold is reached at exactly its amount, whatever the rounding of a sum


@dataclass(frozen=True)
class Invoice:
    """Lines that the terms add to bills at list prices: discounts below 0, fees above. Arrays of shape (n,). [USD]

    `rising_usd` is a part of them that never falls with the volume, such that lines less it are at most 0: fees, and
    commitments.
    """

    lines: Mapping[str, Array] = field(default_factory=dict)
    rising_usd: Array | float = 0.0

    @property
    def added_usd(self) -> Array | float:
        """All lines together."""
        return np.sum(list(self.lines.values()), axis=0) if self.lines else 0.0


def invoice(
    terms: CommercialTerms,
    list_usd: Array,
    amounts: Mapping[MeasuredBy, Array],
    months: Array | float = 1.0,
    beside_usd: Array | float = 0.0,
    all_tokens: Array | None = None,
) -> Invoice:
    """What the terms make of monthly bills; credits apart, which are used up over time.

    Parameters
    ----------
    terms : CommercialTerms
        The contract.
    list_usd : array of shape (n,)
        Bills at list prices, surcharges included. [USD]
    amounts : mapping to arrays of shape (n,)
        Billed tokens, requests and images of each bill.
    months : array of shape (n,) or number
        Length of each bill in months: quotas, thresholds, fees and commitments of a shorter one are in proportion.
    beside_usd : array of shape (n,) or number
        What is bought beside the tokens (provisioned units): no discount touches it, a commitment counts it. [USD]
    all_tokens : array of shape (n,), optional
        Tokens that discounts count, where units carry some of them without a bill. [tokens]

    Returns
    -------
    Invoice
        Lines by name, only those that the terms have.

    Notes
    -----
    In this order: free quota, volume discount on what is left, subscription, commitment. A quota that counts tokens,
    requests or images takes its share of the bill, as if all of them cost the same; one in USD takes that amount. Tiers
    are reached at their threshold. `graduated`: every part of the bill (of the tokens) has the discount of the bracket
    it lies in. `all_units`: the whole bill has the discount of the highest tier reached.
    """
    lines: dict[str, Array] = {}
    left = list_usd
    rising: Array | float = 0.0
    if terms.free_quota is not None:
        quota = terms.free_quota
        free = left * _covered(
            quota.amount * months, left if quota.measured_by == "usd" else amounts[quota.measured_by]
        )
        lines["free quota"] = -free
        left = left - free
    if terms.volume_discount is not None:
        tokens = amounts["tokens"] if all_tokens is None else all_tokens
        measured = left if terms.volume_discount.measured_by == "usd" else tokens
        saved = left * discount_share(terms.volume_discount, measured / months)
        lines["volume discount"] = -saved
        left = left - saved
    if terms.subscription is not None:
        subscription = terms.subscription
        amount = amounts[subscription.measured_by]
        fees = np.broadcast_to(np.asarray(subscription.usd_per_month * months), np.shape(left))
        included = left * _covered(subscription.amount * months, amount)
        if subscription.beyond == "another":
            bought = np.maximum(np.ceil(amount / (subscription.amount * months) - 1e-9), 1.0)
            fees, included = fees * bought, left
        rising = rising + fees
        lines["subscription"] = fees
        lines["in the subscription"] = -included
        left = left - included + fees
    if terms.commitment is not None:
        least = terms.commitment.usd_per_month * months
        lines["commitment"] = np.maximum(least - left - beside_usd, 0.0)
        rising = rising + least
    return Invoice(lines, rising)


def discount_share(discount: VolumeDiscount, amount_per_month: Array) -> Array:
    """Share of a month's bill that a volume discount saves. Shape as given. [1]"""
    amount = np.asarray(amount_per_month, dtype=np.float64)
    thresholds = [tier.threshold for tier in discount.tiers]
    shares = [tier.discount_share for tier in discount.tiers]
    if discount.kind == "all_units":
        reached = np.searchsorted(np.array(thresholds) * (1.0 - REACHED), amount, side="right")
        return np.concatenate(([0.0], shares))[reached]
    saved = np.zeros(amount.shape)
    for threshold, following, share in zip(thresholds, [*thresholds[1:], np.inf], shares, strict=True):
        saved += share * np.clip(amount - threshold, 0.0, following - threshold)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(amount > 0, saved / amount, 0.0)


def _covered(quota: Array | float, amount: Array) -> Array:
    """Share of an amount that a quota covers; nothing of none. [1]"""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(amount > 0, np.minimum(quota / amount, 1.0), 0.0)


def credits_used(credit_usd: float, bills_usd: Array, good: Array) -> Array:
    """What of each bill a credit pays, the first bills first, while it is good. Arrays of shape (months,). [USD]"""
    payable = np.where(good, np.maximum(bills_usd, 0.0), 0.0)
    used_up = np.minimum(np.cumsum(payable), credit_usd)
    return np.diff(used_up, prepend=0.0)
