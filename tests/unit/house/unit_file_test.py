"""The systemd unit has no mistake that systemd sees, and an exposure of 1.5 at most.

Usage: unit_file_test.py ROOT | --self-check
"""

import pathlib
import subprocess
import sys
import tempfile


def problems_in(text):
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder, "hotswapd.service")
        # `verify` wants the program to be there, which it is after the installation only.
        unit.write_text(text.replace("@CMAKE_INSTALL_FULL_SBINDIR@/hotswapd", "/bin/true"))
        found = []
        verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=30)
        if verified.returncode != 0 or "hotswapd.service" in verified.stderr:
            found.append(f"systemd-analyze verify: {verified.stderr.strip()}")
        scored = subprocess.run(["systemd-analyze", "security", "--no-pager", "--offline=yes", "--threshold=15", str(unit)],
                                capture_output=True, text=True, timeout=30)
        if scored.returncode != 0:
            found.append("systemd-analyze security: " + (scored.stdout.strip().splitlines() or [scored.stderr])[-1])
        return found


def self_check(text):
    broken = problems_in(text.replace("UMask=", "UMsk="))
    exposed = problems_in(text.replace("ProtectSystem=strict\n", "").replace("PrivateMounts=yes\n", ""))
    wrong = []
    if not any("UMsk" in line for line in broken):
        wrong.append(f"an unknown key was not found: {broken}")
    if not any("security" in line for line in exposed):
        wrong.append(f"a weaker unit was not found: {exposed}")
    return wrong


def main():
    here = pathlib.Path(__file__).resolve().parents[3]
    text = (here / "systemd/hotswapd.service.in").read_text()
    problems = self_check(text) if sys.argv[1] == "--self-check" else problems_in(text)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
