"""Where messages come from: one folder per source, its parsers pure, its sockets at the edge."""
