"""What client authors build their stubs from, and ours made of it: `sentinel/v1/decision.proto`."""
