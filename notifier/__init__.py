"""Price alerts to people: follows `rawalert` and delivers each alert on every enabled channel."""
