"""The recipe of the card-payments model, as it was chosen on the validation folds."""

from __future__ import annotations

from sentinel_pipelines.steps.train import Recipe

CARD_FRAUD = Recipe(
    inputs=(
        "payment_amount",
        "amount_to_usual",
        "card_max_7d_to_usual",
        "card_outliers_7d",
        "card_far_outliers_7d",
        "card_since_outlier_14d",
        "card_frauds_21d",
        "terminal_risk_7d",
        "terminal_risk_21d",
        "terminal_frauds_14d",
        "terminal_frauds_28d",
        "terminal_since_first_fraud_28d",
        "terminal_since_last_fraud_28d",
        "terminal_since_last_genuine_60d",
        "terminal_fraud_after_genuine",
        "terminal_outliers_21d",
        "terminal_plain_frauds_28d",
        "terminal_least_fraud_28d",
    ),
    rising=(
        "payment_amount",
        "amount_to_usual",
        "card_max_7d_to_usual",
        "card_outliers_7d",
        "card_far_outliers_7d",
        "card_frauds_21d",
        "terminal_risk_7d",
        "terminal_risk_21d",
        "terminal_plain_frauds_28d",
        "terminal_since_last_genuine_60d",
    ),
)
