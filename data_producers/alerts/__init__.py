"""Price alerts: the rules, and the monitor that applies them to the tickers of any venue."""
