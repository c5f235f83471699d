"""One file a framework: each turns facts into the framework's own nouns."""
