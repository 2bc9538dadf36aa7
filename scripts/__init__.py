"""Commands that start, stop, check and maintain the stack. No business logic."""
