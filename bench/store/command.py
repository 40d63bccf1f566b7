"""The command ``m5data``, as a module."""

from m5data.cli.main import main

if __name__ == "__main__":
    main()
