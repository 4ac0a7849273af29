"""The recipe of the card-payments model, as it was chosen on the validation folds."""

from __future__ import annotations

from sentinel_pipelines.steps.train import Recipe

CARD_FRAUD = Recipe(
    inputs=(
        "payment_amount", "is_weekend", "is_night",
        "card_count_1d", "card_count_7d", "card_count_30d",
        "card_mean_1d", "card_mean_7d", "card_mean_30d",
        "terminal_count_1d", "terminal_count_7d", "terminal_count_30d",
        "terminal_risk_1d", "terminal_risk_7d", "terminal_risk_30d",
        "amount_to_card_mean_30d", "amount_z_30d",
    ),
)  # fmt: skip
