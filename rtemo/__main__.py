"""`python -m rtemo` is `rtemo`."""

import sys

from rtemo.cli import main

sys.exit(main())
