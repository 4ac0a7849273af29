"""The domain of Sentinel: events, features, rules, signals, fusion, releases and the engine."""
