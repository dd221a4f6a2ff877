"""How a run may end and which weights predict, in words, where that is not as it is by default."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from petbench.plans.run_plan import RunPlan


def ending(plan: RunPlan) -> str:
    """Return by what rule a training ends before its budget, and whose weights predict.

    Empty where the whole budget is spent and the last weights predict; and of methods with loops of their own, which
    nobody here knows.
    """
    chosen = plan.parameters
    parts = []
    if chosen.get("patience"):
        parts.append(
            f"training ends after {chosen['patience']} of {chosen['validations']} validations without an improvement "
            f"of {100 * float(chosen['patience_tolerance']):g} %"  # type: ignore[arg-type] # it is a number
        )
    if chosen.get("selection") == "best":
        parts.append("the weights of the lowest validation MAE predict")
    return ", and ".join(parts)
