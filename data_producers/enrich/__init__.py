"""What is added to a message on its way: pure functions, state passed in and returned."""
