"""`python -m zoo`."""

import sys

from zoo.cli.command_line import main

sys.exit(main())
