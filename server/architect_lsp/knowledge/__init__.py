"""What is known of the project before anyone is asked: facts, names, effects, routes."""
