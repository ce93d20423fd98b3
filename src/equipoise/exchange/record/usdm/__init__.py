"""A study in CDISC USDM (JSON) as a record."""

from equipoise.exchange.record.usdm.study import from_usdm, is_usdm

__all__ = ["from_usdm", "is_usdm"]
