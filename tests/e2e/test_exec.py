"""The provider exec: the reference program of the documentation, and programs that misbehave."""

import os
import pathlib
import stat
import threading
import time

import pytest

import harness
from exec_program import HOOK, Program
from harness import ZONE, always, wait_until
from name_servers import Calls, record
from stages import Stage as CommonStage

OLD, NEW, THIRD = "192.0.2.10", "198.51.100.10", "203.0.113.10"

FAULTS = ["hangs", "floods", "dies", "fails", "babbles", "silent"]


@pytest.fixture
def program(world):
    return Program(world, [OLD])


@pytest.fixture
def caller(program, world):
    call = Calls("exec_call", "--name-server", program.dns.at, "--", program.path)
    yield call
    call.close()


def swapped(call):
    assert call.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    done = call.apply(record(OLD), record(NEW), 2, 1)
    assert done["outcome"] == "applied", done


# ---- the reference program -------------------------------------------------------------------------------------------
def test_the_reference_program_reads_swaps_and_reads_back(program, caller):
    assert caller.read() == {"set": record(OLD), "generation": None, "op": "", "serial": 0}
    swapped(caller)
    assert caller.read() == {"set": record(NEW), "generation": 2, "op": "op2", "serial": 0}
    assert program.values() == [NEW] and program.generation() == 2
    [evidence] = caller.prove(record(NEW))
    assert evidence["proved"] and evidence["server"] == program.dns.at, evidence
    assert not caller.prove(record(OLD))[0]["proved"]


def test_the_reference_program_compares(program, caller):
    swapped(caller)
    for expect, generation in ((record(OLD), 2), (record(NEW, OLD), 2), (None, 2), (record(NEW), 1), (record(NEW), None)):
        lost = caller.apply(expect, record(THIRD), 9, generation)
        assert lost["outcome"] == "conflict", lost
    assert program.values() == [NEW] and program.generation() == 2
    assert caller.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"
    program.put(THIRD)
    assert caller.read()["set"] == record(THIRD)
    assert caller.apply(record(NEW), record(OLD), 3, 2)["outcome"] == "conflict"
    assert program.values() == [THIRD]


def test_the_reference_program_makes_a_record_where_there_is_none(program, caller):
    name = f"fresh.{ZONE}"
    assert caller.read(name) == {"set": None, "generation": None, "op": "", "serial": 0}
    assert caller.apply(None, record("backup.example.net"), 1, name=name)["outcome"] == "applied"
    assert caller.apply(record("backup.example.net"), record(OLD, THIRD), 2, 1, name=name)["outcome"] == "applied"
    assert caller.read(name)["set"] == record(OLD, THIRD)
    assert caller.apply(None, record(NEW), 3, 2, name=name)["outcome"] == "conflict"


def test_of_many_at_once_one_wins(program, world):
    """The lock of the reference program: several monitors, one record."""
    calls = [Calls("exec_call", "--", HOOK, program.records) for _ in range(6)]
    outcomes = []
    threads = [threading.Thread(target=lambda call=call, i=i: outcomes.append(
        call.apply(record(OLD), record(f"198.51.100.{i}"), 1, op=f"op{i}")["outcome"])) for i, call in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * harness.SLOW)
    for call in calls:
        call.close()
    assert sorted(outcomes) == ["applied"] + ["conflict"] * 5


# ---- programs that misbehave -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_after_the_write_is_unknown_and_read_back(program, caller, fault):
    assert caller.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    program.fault("apply", f"after-{fault}")
    begun = time.monotonic()
    lost = caller.apply(record(OLD), record(NEW), 2, 1, within=int(3000 * harness.SLOW))
    assert lost["outcome"] == "unknown", lost
    assert "\x1b" not in lost["detail"]
    assert time.monotonic() - begun < 5 * harness.SLOW
    back = caller.read()
    assert (back["set"], back["generation"], back["op"]) == (record(NEW), 2, "op2")
    assert caller.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "already"


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_before_the_write_is_unknown_and_read_as_old(program, caller, fault):
    assert caller.apply(record(OLD), record(OLD), 1)["outcome"] == "applied"
    program.fault("apply", f"before-{fault}")
    assert caller.apply(record(OLD), record(NEW), 2, 1, within=int(2000 * harness.SLOW))["outcome"] == "unknown"
    assert caller.read()["generation"] == 1
    assert caller.apply(record(OLD), record(NEW), 2, 1)["outcome"] == "applied"


@pytest.mark.parametrize("fault,code,words", [
    ("hangs", "timed_out", "had not ended in time, and was killed"),
    ("floods", "unavailable", "more than 64 KiB"),
    ("dies", "unavailable", "ended by signal 9"),
    ("fails", "unavailable", "status 1; its stderr ends: no \\x1b[31mway\\x1b[0m"),
    ("babbles", "corrupt", "is not JSON"),
    ("silent", "corrupt", "said nothing on stdout"),
])
def test_a_reading_that_goes_wrong_says_how(program, caller, fault, code, words):
    program.fault("read", f"before-{fault}")
    gone = caller.read(within=int(1500 * harness.SLOW))
    assert gone["code"] == code and words in gone["error"], gone
    assert caller.read()["set"] == record(OLD)


def test_a_program_that_is_not_there_is_a_matter_of_configuration(world):
    call = Calls("exec_call", "--", world.dir / "nothing")
    gone = call.read()
    assert gone["code"] == "refused" and "No such file" in gone["error"], gone
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "refused"
    call.close()


def test_without_a_place_for_the_generation_the_value_alone_is_compared(world):
    hook = world.dir / "plain"
    hook.write_text("#!/bin/sh\nread -r request\ncase $request in *'\"read\"'*)\n"
                    "echo '{\"set\": {\"type\": \"A\", \"ttl\": 30, \"values\": [\"192.0.2.10\"]}}';; *)\n"
                    "echo '{\"outcome\": \"applied\"}';; esac\n")
    hook.chmod(0o755)
    strict = Calls("exec_call", "--", hook)
    assert "guard: value" in strict.read()["error"]
    strict.close()
    call = Calls("exec_call", "--value", "--", hook)
    assert call.read() == {"set": record(OLD), "generation": None, "op": "", "serial": 0}
    assert call.apply(record(OLD), record(NEW), 1)["outcome"] == "applied"
    call.close()


def test_the_zones_name_servers_are_asked_of_a_resolver(program):
    call = Calls("exec_call", "--resolver", "127.0.0.1:1", "--resolver", program.dns.at, "--", program.path)
    [evidence] = call.prove(record(OLD), within=4000)
    assert evidence["server"] == "127.0.0.1:53" and not evidence["proved"]
    call.close()
    gone = Calls("exec_call", "--", program.path)
    [evidence] = gone.prove(record(OLD), within=4000)
    assert evidence["server"] == "the zone's name servers" and "no name server" in evidence["detail"], evidence
    gone.close()


# ---- the daemon ------------------------------------------------------------------------------------------------------
class Stage(CommonStage):
    def __init__(self, world, **provider):
        self.primary, self.backup = world.pair()
        self.program = Program(world, [world.primary])
        super().__init__(world, self.program)
        self.daemon = world.prepared(dns_listen=[], providers={"there": self.program.provider(**provider)})

    def children(self):
        """States of the daemon's children: Z is one that nobody reaped."""
        pid = self.daemon.process.pid
        states = []
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                state, parent = path.read_text().rpartition(")")[2].split()[:2]
            except OSError:
                continue
            if int(parent) == pid:
                states.append(state)
        return states


def test_fails_over_and_recovers(world):
    stage = Stage(world).settled()
    stage.primary.stop()
    wait_until("the backup is written", lambda: stage.program.values() == [world.backup])
    swap = stage.proved("failover")
    assert [(e["server"], e["proved"]) for e in swap["proof"]] == [(stage.program.dns.at, True)]
    stage.primary.start()
    wait_until("the primary is written", lambda: stage.program.values() == [world.primary])
    assert stage.proved("ok")["generation"] == 3
    assert [call["generation"] for call in stage.program.calls("apply")] == [1, 2, 3]
    wait_until("all children are reaped", lambda: not stage.children())


@pytest.mark.parametrize("fault", ["after-hangs", "after-dies", "after-babbles"])
def test_a_write_whose_answer_is_lost_is_not_made_again(world, fault):
    stage = Stage(world).settled()
    stage.program.fault("apply", fault)
    stage.primary.stop()
    wait_until("the backup is written", lambda: stage.program.values() == [world.backup])
    if fault == "after-hangs":
        # 10 seconds of it: everything else goes on.
        before = stage.backup.count()
        wait_until("rounds go on", lambda: stage.backup.count() >= before + 3)
        begun = time.monotonic()
        stage.daemon.status()
        assert time.monotonic() - begun < 1 * harness.SLOW
    swap = stage.proved("failover")
    assert [step["text"] for step in swap["steps"] if step["step"] == "write"][0].startswith("unknown: ")
    assert [call["generation"] for call in stage.program.calls("apply")] == [1, 2]
    wait_until("all children are reaped", lambda: not stage.children())


def test_a_foreign_change_is_drift_and_stays(world):
    stage = Stage(world).settled()
    stage.program.put("203.0.113.99")
    stage.primary.stop()
    wait_until("drift is told", lambda: stage.daemon.service()["drift"], 20)
    always("it stays", lambda: stage.program.values() == ["203.0.113.99"], 2)


def test_a_stop_does_not_wait_for_a_program_that_hangs(world):
    stage = Stage(world).settled()
    stage.program.fault("apply", "before-hangs")
    stage.primary.stop()
    wait_until("it hangs", lambda: len(stage.program.calls("apply")) == 2)
    stage.daemon.stop()
    assert not stage.children()
    stage.daemon.start()
    wait_until("the backup is written", lambda: stage.program.values() == [world.backup], 30)
    assert stage.proved("failover")


def test_check_accepts_it_without_a_warning(world):
    stage = Stage(world)
    done = harness.run([harness.BIN / "hotswapd", "--check", "--config", stage.daemon.config_path])
    assert done.returncode == 0 and "not built" not in done.stdout + done.stderr, done.stdout + done.stderr


def test_the_reference_program_is_fit_to_be_run():
    assert HOOK.stat().st_mode & stat.S_IXUSR and os.access(HOOK, os.X_OK)
