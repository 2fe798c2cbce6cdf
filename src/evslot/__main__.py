"""`python -m evslot`."""

from evslot.cli import main

if __name__ == "__main__":
    main()
