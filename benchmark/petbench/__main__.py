"""`python -m petbench` is the command `petbench`."""

from petbench.cli.main import main

main()
