"""The command `python -m helpers.training`."""

from helpers.training.run import main

if __name__ == "__main__":
    main()
