"""What the jobs do to the data: no session, no IO. Pure."""
