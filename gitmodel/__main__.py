"""`python -m gitmodel`: what a hook script runs."""

from __future__ import annotations

from gitmodel.cli.main import run

if __name__ == "__main__":
    run()
