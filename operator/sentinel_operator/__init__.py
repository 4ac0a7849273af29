"""The operator: reconciles SentinelModel and SentinelPipeline into servers."""
