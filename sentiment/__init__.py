"""The sentiment of a text: coins it names, the story it tells, and how it sounds. Pure."""
