"""Articles of RSS and Atom feeds, polled."""
