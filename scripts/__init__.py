"""What starts, stops, checks and looks after the stack. No business logic."""
