"""The read-only API: urls -> views -> selectors -> timescale_client -> sql."""
