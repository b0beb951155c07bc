#!/usr/bin/env python3
"""Checks the language rules of docs/style.md, and measures how far the code follows them.

    tests/style.py check               lists banned phrases as `file:line: phrase`; exit 1 if there is one
    tests/style.py measure             prints figures by module, crate and phrase
    tests/style.py self-test           proves that `check` finds what it should, and nothing else
    tests/style.py check --root DIR    the same for another checkout

Rust is read token by token: comments, string literals and the names of functions are checked, other
identifiers are not. Every other text file is checked whole. A phrase may continue on the next line.
"""

import argparse
import bisect
import fnmatch
import pathlib
import re
import subprocess
import sys
from collections import Counter, defaultdict

# Files that are not this project's own words.
FOREIGN_FILES = [
    "LICENSE",
    "*.lock",
    "*/go.mod",
    "*/go.sum",
    "policies/*",  # the policies' owners write them
    "rendered/kyverno/*",  # the same policies, with one entry added
    "tests/fixtures/policy/*",  # policies as their owners may write them, byte for byte
    "tests/fixtures/siblings/*",  # the cluster's other policies
    "tests/fixtures/hostile_strings.json",
    "tests/fixtures/kubectl_readings.json",
    "tests/fixtures/sarif-schema-*.json",
    "values/schema.json",  # Kubernetes' own descriptions, and those of src/values
    "tests/e2e/fixtures/terraform.yaml",  # the stack that this project replaces
    "tests/fixtures/terraform/*",  # the same
    "gate/tests/fixtures/vram_gate_script.sh",  # the script that vram-gate replaces
    "src/image/notices/*",  # licences of the crates linked in
    ".ci/notices/*",  # licences of the libraries linked in
    "gate/tests/fixtures/expositions/*",  # metrics as exporters write them
    "docs/style.md",  # the page that lists the phrases
    "tests/style.py",
]

# Lines that quote somebody else, as (file pattern, exact part of the line).
FOREIGN_LINES = []

# A space, or a line break inside one paragraph.
GAP = r"(?:[ \t]+|[ \t]*\n[ \t]*)"


def phrase(pattern):
    return re.compile(pattern.replace(" ", GAP), re.IGNORECASE)


# Rule 3 of docs/style.md. What the group `fine` matches is allowed.
PHRASES = {
    "is no X": phrase(
        r"(?P<fine>\bthere (?:is|are) no\b)"
        r"|\b(?:is|are) no (?!longer\b|(?:more|less|fewer) than\b)[\w`{][^\s\0]*"
    ),
    "none where": phrase(r"\bnone where\b"),
    "for who": phrase(r"\bfor who\b"),
    "as X has it": phrase(r"\bas (?:[^\s\0,;:]*[^\s\0.,;:] ){1,4}ha(?:s|ve) (?:it|them)\b"),
    "hold against": phrase(r"\b(?:hold|holds|held|holding) (?:[^\s\0.;:]+ ){0,8}against\b"),
    "stands": phrase(r"\b(?:stand|stands|stood|standing)\b(?!-)(?! for\b)(?! alone\b)"),
    "speaks": phrase(r"\b(?:speak|speaks|speaking|spoke)\b"),
    "told": phrase(r"\btold\b"),
    "said of": phrase(r"\bsa(?:id|y|ys) of\b"),
    "ours": phrase(r"\bours\b"),
    "theirs": phrase(r"\btheirs\b"),
    "at rest": phrase(r"(?P<fine>\bencrypt(?:ed|ion) at rest\b)|\bat rest\b"),
    "mend": phrase(r"\bmend(?:s|ed|ing)?\b"),
    "unwise": phrase(r"\bunwise\b"),
    "anew": phrase(r"\banew\b"),
    "leaves out": phrase(r"\b(?:leave|leaves|leaving) out\b"),
    "goes away": phrase(r"\b(?:go|goes|going|went) away\b"),
    "bears": phrase(r"\bbears?\b(?! in mind\b)"),
}

QUESTION_WORDS = r"(?:What|Whether|Who|How|Why|Where|When|Which)\b"
DOC_OPENING = re.compile(rf"\s*(?:///|//!)\s*{QUESTION_WORDS}")
DOCSTRING_OPENING = re.compile(rf'\s*"""{QUESTION_WORDS}')

NAMED_CLOSURE = re.compile(r"\blet (?:mut )?\w+(?:: [^=\n]+)? =\s+(?:move )?\|")

RUST_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>b?r(?P<hashes>\#*)".*?"(?P=hashes))
      | (?P<string>b?"(?:\\.|[^"\\])*")
      | (?P<char>b?'(?:\\.[^'\n]*|[^\\'\n])')
      | \bfn\s+(?P<function>\w+)""",
    re.DOTALL | re.VERBOSE,
)
# Names of so many words are sentences: those of tests, mostly.
SENTENCE_WORDS = 4


def blanked(text):
    """The text with everything but white space replaced, so that no phrase reaches across it."""
    return re.sub(r"\S", "\0", text)


def rust_prose(text):
    """A Rust file's comments, strings and sentence-like function names, at their offsets."""
    parts, end = [], 0
    for token in RUST_TOKEN.finditer(text):
        start = token.start("function") if token["function"] else token.start()
        parts.append(blanked(text[end:start]))
        word = text[start : token.end()]
        if token["comment"]:
            word = re.sub(r"^//[/!]?|^/\*+", lambda marker: " " * len(marker[0]), word)
        elif token["function"]:
            is_sentence = word.count("_") + 1 >= SENTENCE_WORDS
            word = word.replace("_", " ") if is_sentence else blanked(word)
        elif token["char"]:
            word = blanked(word)
        else:
            word = word.replace("\\\n", " \n").replace("\\n", "  ")
        parts.append(word)
        end = token.end()
    parts.append(blanked(text[end:]))
    return "".join(parts)


def plain_prose(text):
    """Any other file, with escaped line breaks and the comment signs of its lines made blank."""
    text = text.replace("\\n", "  ")
    return re.sub(r"(?m)^[ \t]*(?:#+|//+|>)(?=[ \t!])", lambda sign: " " * len(sign[0]), text)


def findings(path, text):
    """Yields (line, phrase) for each banned phrase of a file."""
    prose = rust_prose(text) if path.endswith(".rs") else plain_prose(text)
    lines = text.split("\n")
    breaks = [position for position, letter in enumerate(text) if letter == "\n"]
    for name, pattern in PHRASES.items():
        for match in pattern.finditer(prose):
            if match.groupdict().get("fine"):
                continue
            line = bisect.bisect_left(breaks, match.start())
            if not is_quoted(path, lines[line]):
                yield line + 1, f"{name}: {' '.join(match[0].split())}"
    previous = ""
    for number, line in enumerate(lines):
        starts = not re.match(r"\s*(///|//!)", previous)
        if path.endswith(".rs") and starts and DOC_OPENING.match(line):
            yield number + 1, f"question word: {line.strip()}"
        if path.endswith(".py") and DOCSTRING_OPENING.match(line):
            yield number + 1, f"question word: {line.strip()}"
        previous = line
    name = path.replace("_", " ")
    for label, pattern in PHRASES.items():
        if pattern.search(name):
            yield 0, f"{label}: the file's name"


def is_quoted(path, line):
    return any(fnmatch.fnmatch(path, where) and part in line for where, part in FOREIGN_LINES)


def files(root):
    """Yields (path, text) for each text file that is tracked or about to be."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
  ).stdout
    for path in sorted(set(filter(None, listed.split("\0")))):
        file = pathlib.Path(root, path)
        if any(fnmatch.fnmatch(path, pattern) for pattern in FOREIGN_FILES) or not file.is_file():
            continue
        try:
            yield path, file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file, or a fixture of bytes


def check(root):
    count = 0
    for path, text in files(root):
        for line, what in sorted(findings(path, text)):
            print(f"{path}:{line}: {what}")
            count += 1
    if count:
        print(f"{count} places break docs/style.md (rules 2 and 3)", file=sys.stderr)
    return 1 if count else 0


class Figures(Counter):
    """Counts of one room; rooms can be added up."""

    def row(self, room):
        def share(part, whole, unit):
            return f"{unit * self[part] / self[whole]:.1f}" if self[whole] else "-"

        cells = [room, f"{self['code']:,}", f"{self['comments']:,}", share("openings", "comments", 1000),
                 share("one_word", "functions", 100), share("one_word_tests", "functions_tests", 100),
                 share("closures", "code", 1000)]
        return "| " + " | ".join(cells) + " |"


def room_of(path):
    """The module or crate that a Rust file belongs to."""
    parts = path.split("/")
    if parts[0] == "crates":
        return "/".join(parts[:2])
    if parts[0] == "src":
        return "src/" + parts[1].removesuffix(".rs")
    return parts[0]


def is_test(path):
    parts = pathlib.PurePath(path).parts
    return any(part in ("tests", "tests.rs", "fuzz", "benches") for part in parts)


def without_tests(lines):
    """The lines outside `#[cfg(test)]` items; relies on rustfmt's indentation."""
    kept, end = [], None
    for number, line in enumerate(lines):
        if end is not None:
            if line.rstrip() == end or (end == ";" and line.rstrip().endswith((";", "}"))):
                end = None
            continue
        if line.strip() == "#[cfg(test)]":
            following = next((l for l in lines[number + 1 :] if not l.strip().startswith("#[")), "")
            indent = line[: len(line) - len(line.lstrip())]
            end = indent + "}" if following.rstrip().endswith("{") else ";"
            continue
        kept.append(line)
    return kept


def measure_rust(lines, figures):
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("//"):
            figures["comments"] += 1
            figures["openings"] += bool(DOC_OPENING.match(line))
        elif stripped:
            figures["code"] += 1
    figures["closures"] += len(NAMED_CLOSURE.findall("\n".join(lines)))
    count_functions(lines, figures, "")


def count_functions(lines, figures, suffix):
    for line in lines:
        for name in re.findall(r"\bfn (\w+)", line) if not line.lstrip().startswith("//") else ():
            figures["functions" + suffix] += 1
            figures["one_word" + suffix] += "_" not in name


def measure(root):
    rooms, phrases = defaultdict(Figures), Counter()
    for path, text in files(root):
        phrases.update(what.split(":")[0] for _, what in findings(path, text))
        if not path.endswith(".rs"):
            continue
        figures, lines = rooms[room_of(path)], text.split("\n")
        count_functions(lines, figures, "_tests")
        if not is_test(path):
            measure_rust(without_tests(lines), figures)
    total = Figures()
    for figures in rooms.values():
        total.update(figures)
    print("Lines of code and comments, openings and closures are counted without tests.\n")
    print("| room | code | comments | question-word openings per 1,000 comments | one-word functions, % "
          "| with tests, % | closures bound to a name per 1,000 lines |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for room in sorted(rooms):
        print(rooms[room].row(room))
    print(total.row("**all**"))
    print("\n| banned phrase | places |\n|---|---:|")
    for name in [*PHRASES, "question word"]:
        print(f"| {name} | {phrases[name]} |")
    print(f"| **all** | {sum(phrases.values())} |")
    return 0


# Each is a file's name, its text, and the phrases that `check` has to find in it.
SELF_TEST = [
    ("a.rs", "/// What it is.\nfn a() {}\n", ["question word"]),
    ("a.rs", "/// A thing.\n/// What it is.\nfn a() {}\n", []),
    ("a.rs", "// the name is no name\n", ["is no X"]),
    ("a.rs", "//! where there is no name; where there\n//! are no names; it is no longer one\n", []),
    ("a.rs", "// it was held\n// against the schema\n", ["hold against"]),
    ("a.rs", "    /// It is held\n    /// against the schema.\n    fn a() {}\n", ["hold against"]),
    ("a.rs", "// he held it\n\n// against all odds\n", []),
    ("a.rs", 'let ours = "of theirs";\n', ["theirs"]),
    ("a.rs", "let theirs = ours.told(mend);\nlet (b, c) = ('\\'', '\"'); // none where it fits\n", ["none where"]),
    ("a.rs", 'let a = r#"a "rule" speaks"#;\n', ["speaks"]),
    ("a.rs", "fn a_rule_speaks_here() {}\nfn speaks() {}\n", ["speaks"]),
    ("a.rs", 'let a = "it is \\\n  no name";\n', ["is no X"]),
    ("a.md", "As the docs have it, the field stands\nthere. It stands for a stand-alone standard.\n",
     ["as X has it", "stands"]),
    ("a.md", "The table, as `docs/gate.md` has it; actions, as Helm's charts\nhave them; it is as good. A has it.\n",
     ["as X has it", "as X has it"]),
    ("a.md", "For who is told, what is said of it: for whoever told.\n", ["for who", "told", "told", "said of"]),
    ("a.md", "Theirs is not ours; there is no `ours_of` and no `hours`.\n", ["theirs", "ours"]),
    ("a.md", "A CronJob at rest; data encrypted at rest.\n", ["at rest"]),
    ("a.yaml", "# unwise: mend it\n# anew, it goes\n# away and leaves out a bearer that bears\n",
     ["mend", "unwise", "anew", "leaves out", "goes away", "bears"]),
    ("a.json", '{"description": "It is held\\nagainst the schema."}\n', ["hold against"]),
    ("a.py", '"""How it works."""\n', ["question word"]),
    ("speaks.yaml", "a: 1\n", ["speaks"]),
]


def self_test():
    failed = 0
    for path, text, expected in SELF_TEST:
        found = [what.split(":")[0] for _, what in findings(path, text)]
        if sorted(found) != sorted(expected):
            print(f"self-test: {text!r}: found {found}, expected {expected}", file=sys.stderr)
            failed = 1
    missing = {*PHRASES, "question word"} - {name for *_, expected in SELF_TEST for name in expected}
    if missing:
        print(f"self-test: no example of {sorted(missing)}", file=sys.stderr)
        failed = 1
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["check", "measure", "self-test"])
    parser.add_argument("--root", default=pathlib.Path(__file__).resolve().parent.parent,
                        help="the checkout to read (default: this one)")
    arguments = parser.parse_args()
    if arguments.mode == "self-test":
        return self_test()
    return {"check": check, "measure": measure}[arguments.mode](arguments.root)


if __name__ == "__main__":
    sys.exit(main())
