"""The model server: one SentinelModel behind the Open Inference Protocol, inside a Bento."""
