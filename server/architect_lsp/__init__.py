"""architect-lsp: a design reviewer for backend code, spoken over the Language Server Protocol."""

__version__ = "0.1.0"
