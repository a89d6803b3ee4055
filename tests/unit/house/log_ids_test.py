"""Every log id in the code is explained in docs/operations.md, and every explained id is in the code.

Usage: log_ids_test.py ROOT | --self-check
"""

import pathlib
import re
import sys
import tempfile

ID = re.compile(r"\bHS[0-9]{4}\b")
# | HS1204 | what it means | what to do |
ROW = re.compile(r"^\|\s*`?(HS[0-9]{4})`?\s*\|(.*)\|\s*$")
NOT_THE_PRODUCT = {"tests", "bench", "docs"}


def ids_in_code(root):
    found = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix not in (".cpp", ".hpp") or relative.parts[0] in NOT_THE_PRODUCT:
            continue
        if relative.parts[0].startswith((".", "build")):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for name in ID.findall(line.split("//")[0]):
                found.setdefault(name, f"{relative}:{number}")
    return found


def problems_in(root):
    code = ids_in_code(root)
    explained, problems = {}, []
    for number, line in enumerate((root / "docs/operations.md").read_text(encoding="utf-8").splitlines(), 1):
        row = ROW.match(line)
        if not row:
            continue
        name, cells = row.group(1), [cell.strip() for cell in row.group(2).split("|")]
        if name in explained:
            problems.append(f"docs/operations.md:{number}: {name} is explained twice")
        if len(cells) < 2 or not all(cells):
            problems.append(f"docs/operations.md:{number}: {name} needs its meaning and what to do")
        explained[name] = number
    problems += [f"{code[name]}: {name} is not explained in docs/operations.md" for name in sorted(code.keys() - explained.keys())]
    problems += [f"docs/operations.md:{explained[name]}: {name} is in no source" for name in
                 sorted(explained.keys() - code.keys())]
    if not code and (root / "app").is_dir():
        problems.append("no log id was found in the sources")
    return problems


def self_check():
    tree = {
        "app/a.cpp": 'log("HS1001 up"); // HS9999 is no id of ours\nlog("HS1002 down");\n',
        "tests/t.cpp": '"HS7777"\n',
        "docs/operations.md": "| id | meaning | what to do |\n|---|---|---|\n| HS1001 | it is up | nothing |\n"
                              "| HS1003 | gone | nothing |\n| HS1001 | again | |\n",
    }
    expected = {
        "app/a.cpp:2: HS1002 is not explained in docs/operations.md",
        "docs/operations.md:4: HS1003 is in no source",
        "docs/operations.md:5: HS1001 is explained twice",
        "docs/operations.md:5: HS1001 needs its meaning and what to do",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in tree.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text)
        found = set(problems_in(root))
        for path in (root / "app/a.cpp", root / "docs/operations.md"):
            path.write_text("")
        found_empty = problems_in(root)
    wrong = [f"not found: {line}" for line in expected - found] + [f"too much: {line}" for line in found - expected]
    if found_empty != ["no log id was found in the sources"]:
        wrong.append(f"an empty tree gives {found_empty}")
    return wrong


def main():
    problems = self_check() if sys.argv[1] == "--self-check" else problems_in(pathlib.Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
