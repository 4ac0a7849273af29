"""Run the command line as ``python -m sentinel_core.cli``."""

from sentinel_core.cli.main import main

main()
