"""The `gatefold` command: one verb a file."""
