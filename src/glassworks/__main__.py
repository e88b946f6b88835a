"""`python -m glassworks` is the command `glassworks`."""

import sys

from glassworks.cli import main

if __name__ == "__main__":
    sys.exit(main())
