"""`python -m leadml` is `leadml`."""

from leadml.cli import main

if __name__ == "__main__":
    main()
