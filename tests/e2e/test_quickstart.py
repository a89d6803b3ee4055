"""The demonstration of the README drives the real programs to its end, and leaves nothing behind."""

import glob
import os
import sys
import tempfile

import pytest

from harness import BIN, ROOT, SLOW, run


@pytest.mark.timeout(120 * SLOW)
def test_the_quickstart_shows_a_failover_and_a_recovery():
    with tempfile.TemporaryDirectory(prefix="hs-") as folder:
        done = run([sys.executable, "-B", ROOT / "scripts/quickstart_demo.py", "--bin", BIN, "--once"], timeout=100,
                   env=dict(os.environ, TMPDIR=folder))
        assert done.returncode == 0, done.stdout + done.stderr
        assert glob.glob(f"{folder}/*") == [], "it cleans up"
    shown = done.stdout
    assert done.stderr == ""
    assert shown.index("DNS serves the backup") < shown.index("DNS serves the primary again")
    assert "hotswapctl explain www.example.com" in shown
    assert "\033" not in shown, "colour only on a terminal"
