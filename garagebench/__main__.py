"""`python -m garagebench`."""

from garagebench.cli import main

if __name__ == "__main__":
    main()
