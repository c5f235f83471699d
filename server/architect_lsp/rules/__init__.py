"""The rule book: one rule a file, each carrying its page and its proof. Rules do not know each other."""
