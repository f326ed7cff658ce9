"""`gatefold board`: a server that answers, and stops when it is told to."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request


def test_a_missing_folder_is_one_line_and_two(gatefold, tmp_path):
    done = gatefold("board", tmp_path / "none")
    assert (done.code, done.out) == (2, "")
    assert done.err.count("\n") == 1


def test_it_answers_until_it_is_interrupted(tmp_path):
    words = [sys.executable, "-m", "scripts.board", "--port", "0", str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with opener.open(address, timeout=20) as page:
                assert b"TensorBoard" in page.read()
        finally:
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in err
