"""Changes of the tables, in order; `sentinel_core.store.migrate` applies them."""
