"""The patience of tests, with a stand-in that hangs for some seconds."""

from __future__ import annotations

from data.sources.http import Patience

QUICK = Patience(silence_s=3.0, answer_s=4.0, longest_wait_s=5.0, backoff_s=0.01, tries=2, attempts=6)
