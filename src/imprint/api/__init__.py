"""What Python programs use: `imprint` itself has these names, and imports what is behind one when it is asked for."""
