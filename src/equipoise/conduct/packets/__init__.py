"""Sealed packets in the trial's ledger: printed, opened while nothing answered, accounted for."""
