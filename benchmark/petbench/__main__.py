"""`python -m petbench` is the command `petbench`."""

from petbench.cli.main import main

if __name__ == "__main__":
    main()
