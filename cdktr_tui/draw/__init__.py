"""Pictures as lines of text: tables, graphs, bars. Pure: no terminal, no clock."""
