"""`python -m aftercall` is the command `aftercall`."""

from aftercall.cli import main

if __name__ == "__main__":
    main()
