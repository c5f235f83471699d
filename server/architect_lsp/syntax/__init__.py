"""Text to units. The only room that names a grammar; broken source gives units, never an error."""
