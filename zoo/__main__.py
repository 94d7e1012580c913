"""`python -m zoo`."""

import sys

from zoo.cli.parsing.command_line import main

sys.exit(main())
