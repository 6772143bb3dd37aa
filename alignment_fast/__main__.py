"""``python -m alignment_fast`` is the command ``alignment-fast``."""

import sys

from alignment_fast.cli import main

if __name__ == "__main__":
    sys.exit(main())
