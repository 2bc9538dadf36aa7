"""Where messages go: one protocol, two implementations that keep it."""
