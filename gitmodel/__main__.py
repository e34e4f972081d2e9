"""`python -m gitmodel`: what a hook script runs."""

from __future__ import annotations

import sys

from gitmodel.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
