"""Django's command line for the API: `python crypto_viz_backend/manage.py check`."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Runs a Django management command."""
    from django.core.management import execute_from_command_line

    sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]
    os.environ["DJANGO_SETTINGS_MODULE"] = "crypto_viz.settings"
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
