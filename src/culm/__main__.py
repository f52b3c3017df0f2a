"""`python -m culm`."""

from culm.cli import main

main()
