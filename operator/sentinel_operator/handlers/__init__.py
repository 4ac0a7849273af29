"""What kopf calls: each event goes into the cache, and from there into the queue."""
