"""How news of a principal reach the program: from its sockets, or from a recording."""
