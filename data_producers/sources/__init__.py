"""The sources: one folder each, with pure parsers and the sockets at the edge."""
