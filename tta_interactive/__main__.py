"""`python -m tta_interactive` is the `tta` command."""

import sys

from tta_interactive.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
