"""`python -m voltrail.cli`: the same as `voltrail`."""

from voltrail.cli import main

main()
