"""What an infusion is made of: the dose from the weight of the day, the volume, the bags."""

from equipoise.supply.dose import (
    Preparation,
    WeighedOn,
    check_weight,
    derive_dose,
    plan_preparation,
)

__all__ = ["Preparation", "WeighedOn", "check_weight", "derive_dose", "plan_preparation"]
