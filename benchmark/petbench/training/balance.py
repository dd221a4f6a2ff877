"""How much of a optimizer's loss comes from its adversary."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def gan_shares(losses: Mapping[str, float]) -> dict[str, float]:
    """Return the share of adversarial terms in the loss of each optimizer that has other terms too.

    Terms are named `optimizer/term`, weights included; those whose name begins with `gan` are adversarial. A share near
    0 is a regression that the adversary does not change, one near 1 a drawing that the target does not hold.
    """
    adversarial: dict[str, float] = {}
    total: dict[str, float] = {}
    for name, value in losses.items():
        optimizer, _, term = name.rpartition("/")
        total[optimizer] = total.get(optimizer, 0.0) + abs(value)
        adversarial[optimizer] = adversarial.get(optimizer, 0.0) + abs(value) * term.startswith("gan")
    return {
        optimizer: part / total[optimizer] for optimizer, part in adversarial.items() if 0.0 < part < total[optimizer]
    }
