"""Price alerts: the rules, and the monitor that applies them to tickers of any venue."""
