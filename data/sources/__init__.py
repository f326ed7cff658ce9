"""Where tracks and covers are gathered from: one contract, and a file for each source."""
