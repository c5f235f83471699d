"""`python -m architect_lsp` is the command `architect-lsp`."""

from architect_lsp.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
