#!/usr/bin/env python3
"""Runs the program over the files of public repositories, and prints a table of what it did.

    public_files.py PROGRAM REPOSITORY...                  a folder, or a git directory, whose HEAD is taken
    public_files.py --server URL --token TOKEN PROGRAM …   and compares each object's verdict with a server's

A file is one of YAML or JSON with `apiVersion:` and `kind:`; templates of charts are left out. The columns:

    files, documents   what was given to `validate`
    seconds            of `validate` over all files of the repository
    crashes            runs that ended by a signal or a panic; must be 0
    checked, findings  objects that were judged, and findings by the form of their message
    policies           files with a policy of Kyverno: those that were edited for another namespace, and then
                       restored to the same bytes; left as they were; refused
    objects, equal     distinct objects that both sides judge, and equal verdicts
    wrongly            objects that the server takes and `validate` refuses: the list is on standard error
    missed             objects that the server refuses and `validate` takes

The server is a test server: its definitions are replaced by those of each repository. It must not depend on other objects
(kube-apiserver --disable-admission-plugins=ServiceAccount,Priority,RuntimeClass,LimitRanger,ResourceQuota,NamespaceLifecycle).
"""

import argparse
import collections
import http.client
import json
import pathlib
import re
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

import yaml

NAMESPACE = "zz-tenant"
# What a server refuses because of its own state.
OF_THE_CLUSTER = re.compile(
    "already exists|already allocated|not found|lookup namespace|provided (IP|port)|dual.?stack|ipFamil|clusterIP|must be allocated|"
    "forbidden: ValidatingAdmission|failed calling webhook|no matches for kind|the server could not find")
CRASHED = re.compile(r"panicked at|stack overflow")


class Program:
    def __init__(self, path):
        self.path = str(pathlib.Path(path).resolve())
        self.crashes = 0

    def run(self, *arguments):
        done = subprocess.run([self.path, *arguments], capture_output=True, text=True, errors="replace", timeout=600)
        if done.returncode not in (0, 1, 2) or CRASHED.search(done.stderr):
            self.crashes += 1
            print(f"crash: {arguments}: {done.returncode} {done.stderr[-500:]}", file=sys.stderr)
        return done


def export(repository, folder):
    """Copies the tree of a git directory's HEAD; returns the folder and the revision."""
    repository = pathlib.Path(repository)
    git = ["git", "-C", str(repository)]
    revision = subprocess.run([*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True)
    if revision.returncode:
        return repository, "-"
    paths = subprocess.run([*git, "ls-tree", "-r", "-z", "--name-only", "HEAD"], capture_output=True, check=True)
    wanted = [p for p in paths.stdout.split(b"\0") if p.endswith((b".yaml", b".yml", b".json"))]
    batch = subprocess.Popen([*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for path in wanted:
        batch.stdin.write(b"HEAD:" + path + b"\n")
        batch.stdin.flush()
        head = batch.stdout.readline().split()
        if len(head) != 3 or head[1] != b"blob":
            continue  # large files may be absent from a snapshot
        data = batch.stdout.read(int(head[2]) + 1)[:-1]
        file = folder / path.decode(errors="replace")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    batch.stdin.close()
    return folder, revision.stdout.strip()


def name_of(repository):
    """`owner/name` for a folder `owner+name/repo`."""
    path = pathlib.Path(repository).resolve()
    name = path.parent.name if path.name in ("repo", ".git") else path.name
    return name.replace("+", "/")


def manifests(folder):
    """The manifests below a folder, by path, with their text."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".yaml", ".yml", ".json") or not path.is_file() or path.is_symlink():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        if not re.search(r"""(?m)^\s*["']?apiVersion["']?\s*:""", text) or "kind" not in text:
            continue
        if "{{" in text and ("/templates/" in str(path) or re.search(r"\{\{-|\{\{ *\.", text)):
            continue
        found[path] = text
    return found


def form(message):
    """A finding without its names."""
    message = re.sub(r" in (a )?[A-Z]\w*( .*)?$", "", message)
    message = re.sub(r"`[^`]*`", "`…`", message)
    return re.sub(r"\d+", "N", message)


def validate(program, files, folder):
    """Runs `validate` over copies of the files; returns the report and the seconds."""
    for number, text in enumerate(files):
        (folder / f"{number:06}.yaml").write_text(text)
    started = time.monotonic()
    done = program.run("validate", "-o", "json", str(folder))
    seconds = time.monotonic() - started
    if not done.stdout and done.returncode == 2:
        print(done.stderr[:500], file=sys.stderr)
        return {"counts": {"checked": 0, "findings": 0}, "findings": [], "skipped": []}, seconds
    return json.loads(done.stdout), seconds


def edit_policies(program, files):
    """Edits each file with a policy for one namespace, and removes that again."""
    counts = collections.Counter()
    for text in files:
        if not re.search(r"(?m)^apiVersion: *['\"]?(policies\.)?kyverno\.io/", text):
            continue
        if not re.search(r"(?m)^kind: *['\"]?(ClusterPolicy|MutatingPolicy|ValidatingPolicy)\b", text):
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "policy.yaml"
            file.write_bytes(text.encode())
            program.run("-C", folder, "policy", "show", "policy.yaml", "--namespace", NAMESPACE)
            edit = ["-C", folder, "policy", "edit", "policy.yaml", "--exclude", NAMESPACE, "--all-rules"]
            if program.run(*edit).returncode != 0:
                counts["refused"] += 1
            elif file.read_bytes() == text.encode():
                counts["unchanged"] += 1
            else:
                program.run(*edit, "--remove")
                same = file.read_bytes() == text.encode()
                counts["edited" if same else "not restored"] += 1
                if not same:
                    print(f"not restored: {text[:200]}", file=sys.stderr)
    return counts


class Reader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: no dates, and `=` is a text."""


for first, rows in list(Reader.yaml_implicit_resolvers.items()):
    kept = [row for row in rows if row[0] not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")]
    Reader.yaml_implicit_resolvers[first] = kept


def objects(files):
    """The distinct objects of all files, as JSON; lists are taken apart."""
    found = {}

    def add(document):
        if not isinstance(document, dict):
            return
        if isinstance(document.get("items"), list) and str(document.get("kind", "")).endswith("List"):
            return [add(item) for item in document["items"]]
        if isinstance(document.get("kind"), str) and isinstance(document.get("apiVersion"), str):
            found.setdefault(json.dumps(document, sort_keys=True), document)

    for text in files:
        try:
            for document in yaml.load_all(text, Reader):
                add(document)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError):
            continue
    return list(found.values())


class Server:
    def __init__(self, url, token):
        self.url, self.token = urllib.parse.urlparse(url), token
        self.connection = None

    def send(self, method, path, body=None):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        for _ in range(3):
            try:
                if self.connection is None:
                    context = ssl._create_unverified_context()
                    self.connection = http.client.HTTPSConnection(self.url.netloc, context=context, timeout=60)
                self.connection.request(method, path, None if body is None else json.dumps(body), headers)
                answer = self.connection.getresponse()
                text = answer.read() or b"{}"
                try:
                    return answer.status, json.loads(text)
                except json.JSONDecodeError:  # an API group that is gone by now answers in plain text
                    return answer.status, {"message": text.decode(errors="replace")}
            except (http.client.HTTPException, OSError):
                self.connection = None
        return 599, {"message": "no answer"}

    def resources(self):
        """The path of each kind, with `{}` for the namespace."""
        found = {}
        groups = [("v1", "/api/v1")]
        for group in self.send("GET", "/apis")[1]["groups"]:
            groups += [(v["groupVersion"], f"/apis/{v['groupVersion']}") for v in group["versions"]]
        for version, path in groups:
            for resource in self.send("GET", path)[1].get("resources", []):
                if "/" not in resource["name"] and "create" in resource["verbs"]:
                    scope = "/namespaces/{}" if resource["namespaced"] else ""
                    found[version, resource["kind"]] = f"{path}{scope}/{resource['name']}"
        return found

    def define(self, definitions):
        """Replaces the definitions of custom resources."""
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        self.send("DELETE", path)
        while self.send("GET", path)[1].get("items"):
            time.sleep(0.2)
        made = [self.send("POST", path, definition)[1] for definition in definitions]
        names = {d["metadata"]["name"] for d in made if d.get("kind") == "CustomResourceDefinition"}
        for _ in range(100):
            items = self.send("GET", path)[1]["items"]
            ready = [d for d in items if any(c["type"] == "Established" and c["status"] == "True"
                                             for c in d.get("status", {}).get("conditions") or [])]
            if len(ready) >= len(names):
                break
            time.sleep(0.2)
        time.sleep(2 if names else 0)  # the handlers follow the definitions

    def verdict(self, path, document):
        """None if accepted, else the message."""
        namespace = (document.get("metadata") or {}).get("namespace")
        namespace = namespace if isinstance(namespace, str) and namespace else "default"
        path = path.replace("{}", urllib.parse.quote(namespace, safe=""))
        status, answer = self.send("POST", f"{path}?dryRun=All&fieldValidation=Strict", document)
        return None if status < 300 else answer.get("message", str(status))


def compare(program, server, files, name):
    """Compares the verdicts on each distinct object."""
    found = objects(files)
    definitions = [d for d in found if d["kind"] == "CustomResourceDefinition"
                   and d["apiVersion"] == "apiextensions.k8s.io/v1"]
    server.define(definitions)
    paths = server.resources()
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        report, _ = validate(program, [json.dumps(d) for d in found], pathlib.Path(folder))
        refused = {}
        for finding in report["findings"]:
            number = int(re.search(r"(\d{6})\.yaml$", finding["place"]["file"])[1]) if finding["place"] else -1
            refused.setdefault(number, f"{finding['path']}: {finding['text']} ({finding['hint']})")
    skipped = {(row["apiVersion"], row["kind"]) for row in report["skipped"]}
    for number, document in enumerate(found):
        kind = document["apiVersion"], document["kind"]
        encrypted = "mac" in (document.get("sops") or {}) if isinstance(document.get("sops"), dict) else False
        if kind not in paths or kind in skipped or encrypted:
            continue
        message = server.verdict(paths[kind], document)
        if message and OF_THE_CLUSTER.search(message):
            counts["cluster"] += 1
            continue
        counts["objects"] += 1
        counts["custom"] += any(d["spec"]["group"] == kind[0].split("/")[0] for d in definitions
                                if isinstance(d.get("spec"), dict) and "group" in d["spec"])
        finding_text = refused.get(number)
        if bool(finding_text) == bool(message):
            counts["equal"] += 1
        elif finding_text:
            counts["wrongly"] += 1
            print(f"{name}: wrongly refused: {kind} {finding_text}", file=sys.stderr)
        else:
            counts["missed"] += 1
            print(f"{name}: missed: {kind} {message[:300]}", file=sys.stderr)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server")
    parser.add_argument("--token", default="")
    parser.add_argument("program")
    parser.add_argument("repositories", nargs="+")
    arguments = parser.parse_args()
    program = Program(arguments.program)
    server = Server(arguments.server, arguments.token) if arguments.server else None
    head = ["repository", "revision", "files", "documents", "seconds", "crashes", "checked", "findings",
            "policies: edited and restored, unchanged, refused"]
    head += ["objects", "custom", "equal", "wrongly", "missed"] if server else []
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    forms = collections.Counter()
    totals = collections.Counter()
    for repository in arguments.repositories:
        with tempfile.TemporaryDirectory() as exported, tempfile.TemporaryDirectory() as copies:
            folder, revision = export(repository, pathlib.Path(exported))
            files = list(manifests(folder).values())
            if not files:
                continue
            before = program.crashes
            report, seconds = validate(program, files, pathlib.Path(copies))
            edited = edit_policies(program, files)
            forms.update(form(finding["text"]) for finding in report["findings"])
            documents = sum(len(re.findall(r"(?m)^---", text)) + (not text.startswith("---")) for text in files)
            row = [name_of(repository), revision, len(files), documents, f"{seconds:.2f}", program.crashes - before,
                   report["counts"]["checked"], report["counts"]["findings"],
                   f"{edited['edited']}, {edited['unchanged']}, {edited['refused']}" if edited else "–"]
            totals["not restored"] += edited["not restored"]
            if server:
                counts = compare(program, server, files, name_of(repository))
                row += [counts[key] for key in ("objects", "custom", "equal", "wrongly", "missed")]
                totals.update(counts)
            print("| " + " | ".join(map(str, row)) + " |", flush=True)
    print("\nFindings by their form:\n")
    for text, count in forms.most_common(25):
        print(f"- {count} × {text}")
    if program.crashes or totals["not restored"]:
        sys.exit(f"{program.crashes} crashes, {totals['not restored']} policies that were not restored")


if __name__ == "__main__":
    main()
