"""What a frozen rtemo starts with. It starts its own processes by `sys.executable -m rtemo …`: here, this file."""

import sys

from rtemo.cli import main

if __name__ == "__main__":
    if sys.argv[1:3] == ["-m", "rtemo"]:
        del sys.argv[1:3]
    sys.exit(main())
