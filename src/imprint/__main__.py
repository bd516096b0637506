"""`python -m imprint`."""

from imprint.cli import main

main()
