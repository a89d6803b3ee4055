"""kill -9 at random moments under flapping sites: DNS is never wrong, nothing is lost and nothing is told twice."""

import os
import random
import threading
import time

import pytest

from harness import SLOW, wait_until

KILLS = int(os.environ.get("HOTSWAPD_TEST_KILLS", "200" if SLOW == 1 else "60"))
SEED = int(os.environ.get("HOTSWAPD_TEST_SEED", random.SystemRandom().randrange(1 << 32)))


class Sampler:
    """Asks the DNS every 100 ms for the whole run: an independent witness of what is served."""

    def __init__(self, daemon):
        self.daemon, self.seen, self.unanswered = daemon, [], 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stop.wait(0.1):
            served = self.daemon.serves(timeout=0.5)
            if isinstance(served, str) and served.startswith("no answer"):
                self.unanswered += 1
            else:
                self.seen.append((time.monotonic(), served))

    def close(self):
        self.stop.set()
        self.thread.join(5)

    def changes(self):
        """What was served, one entry for each change that was seen."""
        states = [served for _, served in self.seen]
        return [now for before, now in zip([None, *states], states) if now != before]


class Flapping:
    """The primary is bad and good by turns, for 1.2 to 3 s each."""

    def __init__(self, site, seed):
        self.site, self.random = site, random.Random(seed)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stop.wait(self.random.uniform(1.2, 3.0)):
            self.site.behaviour = "ok" if self.site.behaviour == 503 else 503

    def close(self):
        self.stop.set()
        self.thread.join(5)
        self.site.behaviour = "ok"


@pytest.mark.timeout(560 * SLOW)
def test_kills_at_random_moments(world):
    print(f"HOTSWAPD_TEST_SEED={SEED} HOTSWAPD_TEST_KILLS={KILLS}")
    dice = random.Random(SEED)
    primary, _ = world.pair()
    syslog = world.syslog()
    service = world.service(max_swaps_per_hour=1000, syslog={
        "server": syslog.address, "port": syslog.port, "probe_fmt": "probe %adr %sta %tim",
        "status_fmt": "status %sta %rda %tim"})
    daemon = world.settled(service)
    sampler, flapping = Sampler(daemon), Flapping(primary, SEED)
    kills = []
    try:
        for _ in range(KILLS):
            # Often inside start-up, often inside the first round and its swap, sometimes well after it.
            time.sleep(dice.choice((dice.uniform(0, 0.1), dice.uniform(0, 0.6), dice.uniform(0, 1.5))) * SLOW)
            assert daemon.running(), f"ended by itself with {daemon.process.returncode}"
            kills.append(time.monotonic())
            daemon.kill()
            daemon.start(ready=False)
        daemon.wait_ready()
    finally:
        flapping.close()
        sampler.close()
    # Calm again: the primary is good, everything in the outbox is told.
    daemon.wait_status("ok", seconds=20)
    daemon.wait_serves(world.primary)
    told = lambda: [m for m in syslog.messages() if m.startswith("status")]
    wait_until("the last status is told", lambda: told() and told()[-1].startswith("status ok"), 20)

    # What DNS said: the primary or the backup, always; and it did answer most of the time.
    wrong = [(at, served) for at, served in sampler.seen if served not in ([world.primary], [world.backup])]
    assert not wrong, wrong[:5]
    assert len(sampler.seen) > KILLS
    changes = sampler.changes()
    assert changes.count([world.backup]) >= 3, f"too little happened to prove anything: {changes}"

    # What was told: each state once. A repetition of the very same event is allowed only where we were killed between
    # sending it and noting that (a datagram is not acknowledged: nobody could know).
    first_seen, kept = {}, []
    for at, text in syslog.got:
        message = text.split(": ", 1)[1]
        key = text.split(" ", 3)[0], message
        if key in first_seen:
            gap = [kill - first_seen[key] for kill in kills if kill >= first_seen[key] - 0.05]
            assert gap and min(gap) < 0.3 * SLOW, f"told twice: {message}"
        else:
            first_seen[key] = at
            kept.append(message)
    by_subject = {}
    for message in kept:
        words = message.split()
        subject = words[1] if words[0] == "probe" else "status"
        state = words[2] if words[0] == "probe" else words[1]
        by_subject.setdefault(subject, []).append(state)
    for subject, states in by_subject.items():
        same = [i for i, (a, b) in enumerate(zip(states, states[1:])) if a == b]
        assert not same, f"{subject}: a transition is missing or doubled at {same}: {states}"
    assert set(by_subject[world.primary]) == {"up", "down"}
    assert set(by_subject["status"]) <= {"ok", "trouble", "failover"}

    # And what was told is what happened: a failover for each change that DNS showed, with the backup served.
    failovers = [m for m in kept if m.startswith("status failover")]
    assert len(failovers) >= changes.count([world.backup])
    assert all(m.split()[2] == world.backup for m in failovers)
    assert all(m.split()[2] == world.primary for m in kept if m.startswith("status ok"))
