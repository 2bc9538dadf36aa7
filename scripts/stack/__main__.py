"""Runs `python -m scripts.stack`."""

from scripts.stack.command import main

if __name__ == "__main__":
    main()
