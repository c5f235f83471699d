"""The map of a project: what it is made of and what touches what, as plain values and as pictures of them."""
