"""The operator's program of the provider exec: the documentation's, with a fault when a test asks for one."""

import json

from harness import NAME, ROOT
from small_dns import SmallDns

HOOK = ROOT / "docs/examples/json-file-hook"

# The reference program with a fault once in a while: the file `fault` names it and the step it is for, and is used up.
FAULTY = """#!/usr/bin/python3
import json, os, subprocess, sys, time
folder = {folder!r}
request = sys.stdin.read()
with open(folder + "/calls", "a") as log:
    log.write(request)
def real():
    answer = subprocess.run([{hook!r}, {records!r}], input=request, text=True, capture_output=True, check=True).stdout
    if json.loads(answer).get("outcome") == "applied":
        with open(folder + "/applied", "a") as log:
            log.write(request)
    return answer
try:
    step, fault = open(folder + "/fault").read().split()
except FileNotFoundError:
    step = fault = None
if step != json.loads(request)["do"]:
    sys.stdout.write(real())
    sys.exit()
os.unlink(folder + "/fault")
when, what = fault.split("-")
answer = real() if when == "after" else ""
if what == "hangs":
    subprocess.Popen(["sleep", "600"])
    time.sleep(600)
while what == "floods":
    sys.stdout.write("x" * 65536)
if what == "dies":
    os.kill(os.getpid(), 9)
if what == "fails":
    sys.exit("no \\x1b[31mway\\x1b[0m")
if what == "babbles":
    sys.stdout.write("Content-Type: text/html\\n\\n" + answer)
if what == "silent":
    sys.exit()
"""


class Program:
    """The operator's program in a folder of its own, the file that it writes, and the name server that serves that."""

    def __init__(self, world, values, name=NAME, number=6, ttl=30):
        self.name = name
        self.folder = world.dir / f"hook{number}"
        self.folder.mkdir()
        self.records = self.folder / "records.json"
        self.put(*values, ttl=ttl)
        self.path = self.folder / "program"
        self.path.write_text(FAULTY.format(folder=str(self.folder), hook=str(HOOK), records=str(self.records)))
        self.path.chmod(0o755)
        self.dns = SmallDns(world.address(number), lambda name: self.all().get(name))
        world.closing.append(self.dns)

    def put(self, *values, **more):
        records = self.all()
        records[self.name] = {**records.get(self.name, {}), "type": "A", "ttl": 30, "values": list(values), **more}
        fresh = self.folder / "by-hand"
        fresh.write_text(json.dumps(records))
        fresh.rename(self.records)

    def all(self):
        return json.loads(self.records.read_text()) if self.records.exists() else {}

    def values(self, name=None):
        return self.all()[name or self.name]["values"]

    def generation(self, name=None):
        return self.all().get(name or self.name, {}).get("generation")

    def fault(self, step, what):
        fresh = self.folder / "fault.new"
        fresh.write_text(f"{step} {what}")
        fresh.rename(self.folder / "fault")

    def calls(self, step):
        return [line for line in self.lines("calls") if line["do"] == step]

    def written(self):
        """How many calls changed the record."""
        return len(self.lines("applied"))

    def lines(self, log):
        path = self.folder / log
        return list(map(json.loads, path.read_text().splitlines())) if path.exists() else []

    def provider(self, **more):
        return {"type": "exec", "command": [str(self.path)], "name_servers": [self.dns.at], **more}
