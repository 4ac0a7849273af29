"""The decision server: one pipeline behind HTTP, inside a Bento."""
