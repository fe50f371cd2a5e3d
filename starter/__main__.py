"""`python -m starter` is the console script `maintrain`."""

from starter.main import main

if __name__ == "__main__":
    main()
