"""Reads every #include of the product and fails on an arrow that points the wrong way.

Usage: include_direction_test.py ROOT | --self-check
"""

import fnmatch
import pathlib
import re
import sys
import tempfile

# Folder -> what it may include: folders, or single headers. A folder always sees itself.
ALLOWED = {
    "core": set(),
    "net": {"core"},
    "config": {"core"},
    "probes": {"core", "net"},
    "aws": {"core", "net"},
    "dns": {"core", "net", "aws"},
    "notifiers": {"core", "net"},
    # The decisions know interfaces, never a concrete probe, provider or notifier.
    "monitor": {"core", "net", "probes/prober.hpp", "dns/provider.hpp", "dns/record_journal.hpp",
                "notifiers/notifier.hpp"},
    "api": {"core", "net", "monitor"},
    "ctl": {"core"},
    "app": {"core", "net", "config", "probes", "aws", "dns", "notifiers", "monitor", "api"},
}
# Single files that may see more than their folder: the probe that hotswapctl makes by itself.
ALLOWED_FILES = {"ctl/probe_command": {"net", "config", "probes"}}
# Programs and checks beside the product: they may see everything.
OUTSIDE = {"tests", "bench"}
# Headers that the build makes, and who may see them.
GENERATED = {"generated/version_info.hpp": {"app", "ctl"}}

# Decisions, codecs and formats: tested in microseconds without a loop, so nothing below them may bring one.
PURE = ("*_machine.*", "guard.*", "diff.*", "wire.*", "*_format.*", "due_queue.*", "service_model.*", "sigv4.*",
        "services.*", "error_reply.*", "profile_file.*", "credential_plan.*", "credential_wire.*", "route53_message.*",
        "call_window.*", "swap_journal.*", "tsig.*", "update_message.*", "generation_mark.*", "live_record.*",
        "*_codec.*", "http_call.*", "http_trouble.*", "txt_text.*", "exec_protocol.*", "dyn_api.*", "dyn_records.*",
        "smtp_dialogue.*", "icmp_message.*", "sequence_table.*")
IMPURE = ("boost/asio", "boost/beast", "openssl/", "sqlite3.h", "sys/socket.h")
# Never in a header: each costs every includer seconds.
NOT_IN_HEADERS = ("boost/asio.hpp", "boost/asio/ssl", "boost/beast")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SOURCES = (".cpp", ".hpp", ".c", ".h")


def includes(path):
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) == '"', found.group(2)


def product_files(root):
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix in SOURCES and not relative.parts[0].startswith((".", "build")):
            yield relative


def reach(root, start, seen):
    """Every header, ours and foreign, that `start` brings in."""
    for _, ours, name in includes(root / start):
        if ours and (root / name).is_file():
            if name not in seen:
                seen[name] = str(start)
                reach(root, name, seen)
        else:
            seen.setdefault(name, str(start))
    return seen


def wrong_arrows(root):
    found = []
    folders = 0
    for relative in product_files(root):
        folder = relative.parts[0]
        if folder in OUTSIDE:
            continue
        if len(relative.parts) == 1 or folder not in ALLOWED:
            found.append(f"{relative}: this folder is not in the table of {pathlib.Path(__file__).name}")
            continue
        folders += 1
        allowed = ALLOWED[folder] | ALLOWED_FILES.get(str(relative.with_suffix("")), set())
        for number, ours, name in includes(root / relative):
            where = f"{relative}:{number}"
            if not ours:
                if relative.suffix == ".hpp" and name.startswith(NOT_IN_HEADERS):
                    found.append(f"{where}: <{name}> does not belong in a header")
                continue
            if name in GENERATED:
                if folder not in GENERATED[name]:
                    found.append(f"{where}: {folder} may not include {name}, which the build makes")
                continue
            target = name.split("/")[0]
            if "/" not in name or ".." in name or not (root / name).is_file():
                found.append(f'{where}: "{name}" is not a header of ours, rooted at the repository')
            elif target != folder and target not in allowed and name not in allowed:
                found.append(f"{where}: {folder} may not include {name}")
        if any(fnmatch.fnmatch(relative.name, pattern) for pattern in PURE):
            for name, via in sorted(reach(root, relative, {}).items()):
                if name.startswith(IMPURE):
                    found.append(f"{relative}: pure, but brings in <{name}> (by {via})")
    if folders == 0:
        found.append("no source was found")
    return found


def self_check():
    tree = {
        "core/time.hpp": "#pragma once\n",
        "net/loop.hpp": '#include <boost/asio/io_context.hpp>\n#include "core/time.hpp"\n',
        "dns/provider.hpp": '#include "net/loop.hpp"\n',
        "dns/knot.hpp": "#include <boost/asio.hpp>\n",
        "monitor/good.cpp": '#include "dns/provider.hpp"\n#include "core/time.hpp"\n',
        "monitor/bad.cpp": '#include "dns/knot.hpp"\n',
        "monitor/service_model.hpp": '#include "dns/provider.hpp"\n',
        "core/up.cpp": '  #  include "net/loop.hpp"\n',
        "core/near.cpp": '#include "time.hpp"\n',
        "core/version.cpp": '#include "generated/version_info.hpp"\n',
        "app/version.cpp": '#include "generated/version_info.hpp"\n',
        "ctl/probe_command.cpp": '#include "net/loop.hpp"\n',
        "ctl/page.cpp": '#include "net/loop.hpp"\n',
        "extra/new.cpp": "\n",
        "tests/any.cpp": '#include "app/version.cpp"\n',
    }
    expected = {
        'core/near.cpp:1: "time.hpp" is not a header of ours, rooted at the repository',
        "core/up.cpp:1: core may not include net/loop.hpp",
        "core/version.cpp:1: core may not include generated/version_info.hpp, which the build makes",
        "ctl/page.cpp:1: ctl may not include net/loop.hpp",
        "dns/knot.hpp:1: <boost/asio.hpp> does not belong in a header",
        "extra/new.cpp: this folder is not in the table of include_direction_test.py",
        "monitor/bad.cpp:1: monitor may not include dns/knot.hpp",
        "monitor/service_model.hpp: pure, but brings in <boost/asio/io_context.hpp> (by net/loop.hpp)",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in tree.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        found = set(wrong_arrows(root))
    return [f"not found: {line}" for line in expected - found] + [f"too much: {line}" for line in found - expected]


def main():
    problems = self_check() if sys.argv[1] == "--self-check" else wrong_arrows(pathlib.Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
