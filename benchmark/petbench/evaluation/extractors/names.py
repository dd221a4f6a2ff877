"""The ids of the extractors: network/layer@version of the protocol."""

from __future__ import annotations

from typing import Final

POOL3_ID: Final = "inception-2015-12-05/pool3-2048@1"
MIXED6E_ID: Final = "inception-2015-12-05/mixed6e-768@1"
FOLDED_MIXED6E_ID: Final = "inception-2015-12-05-folded/mixed6e-768@1"
RANDCONV_ID: Final = "randconv-960/mean-std@1"
