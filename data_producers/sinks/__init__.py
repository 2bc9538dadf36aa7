"""Where messages go: one protocol and two implementations."""
