"""A term that an author returns, as the one number that it has to be."""

from __future__ import annotations

from torch import Tensor

from petbench.errors import PluginError


def one_number(term: object, what: str, kind: str) -> Tensor:
    """Return a term as it is.

    Args:
        term: as the author's code returned it.
        what: names it in messages, such as `the loss term 'l1' of 'model'`.
        kind: what it is, such as `a loss`.

    Raises:
        PluginError: it is no floating-point tensor of one number.
    """
    if not isinstance(term, Tensor):
        raise PluginError(f"{what} is {type(term).__name__}; it is a tensor of one number")
    if term.numel() != 1:
        shape = "x".join(str(length) for length in term.shape)
        raise PluginError(f"{what} has {shape} numbers; reduce it to one, as by .mean()")
    if not term.is_floating_point():
        raise PluginError(f"{what} is {term.dtype}; {kind} is a floating-point number")
    return term
