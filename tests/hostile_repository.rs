//! Hostile repositories: whoever opens a pull request runs this program on it. Every limit that is
//! exceeded is an ordinary error, within two seconds of CPU and 256 MiB, and nothing outside the root is
//! read.

#![cfg(test)]
#![cfg(unix)]

mod common;

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use common::tool::{self, CommandOutput, Sandbox, tts_render};

/// Runs `render` with limits of the system on time and memory. A run that needs more is killed, which
/// fails the test.
fn bounded(sandbox: &Sandbox) -> CommandOutput {
    let script = "ulimit -t 2; ulimit -v 262144; exec \"$0\" render";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_tts-render")]);
    command.current_dir(sandbox.path(".")).env("NO_COLOR", "1").env("MALLOC_ARENA_MAX", "1");
    CommandOutput::run(&mut command)
}

#[track_caller]
fn refused(sandbox: &Sandbox, expected: &str) {
    let output = bounded(sandbox);
    assert_eq!((output.code, output.stdout.as_str()), (2, ""), "{}", output.stderr);
    assert!(output.stderr.contains(expected), "{}", output.stderr);
    assert!(!sandbox.path("rendered").exists());
}

fn with_values(append: &str) -> Sandbox {
    let sandbox = Sandbox::demo();
    let text = sandbox.read("values/demo.yaml") + append;
    sandbox.write("values/demo.yaml", &text);
    sandbox
}

fn with_template(text: &str) -> Sandbox {
    let sandbox = Sandbox::demo();
    sandbox.write("templates/hostile.yaml.j2", text);
    sandbox
}

#[test]
fn a_large_values_file() {
    refused(&with_values(&"# a comment\n".repeat(40_000)), "larger than 256 KiB");
}

#[test]
fn a_large_template() {
    refused(&with_template(&"# a comment\n".repeat(40_000)), "larger than 256 KiB");
}

#[test]
fn deep_nesting_in_values() {
    refused(&with_values(&format!("deep: {}\n", "[".repeat(100_000))), "nest");
    refused(&with_values(&format!("deep:\n  {}1\n", "- ".repeat(50_000))), "nest");
}

#[test]
fn deep_nesting_in_a_template() {
    refused(&with_template(&format!("a: {}1\n", "[".repeat(50_000))), "nest");
    let expression = format!("a: {{{{ {}1{} }}}}\n", "(".repeat(20_000), ")".repeat(20_000));
    refused(&with_template(&expression), "error");
}

#[test]
fn aliases() {
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    refused(&with_values(bomb), "anchors are not allowed");
    refused(&with_template(bomb), "anchors are not allowed");
}

#[test]
fn long_loops() {
    let list: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let list = list.join(", ");
    let inner = "{% for c in l %}\n".replace('l', &format!("[{list}]"));
    let text =
        format!("{inner}{}", inner.replace(" c ", " d ").repeat(3)) + &"{% endfor %}\n".repeat(4);
    refused(&with_template(&text), "takes more than 20000 units of work");
}

#[test]
fn long_output() {
    let loop_of = |tag: &str, count: usize| {
        let list: Vec<String> = (0..count).map(|number| number.to_string()).collect();
        let line = "x".repeat(10_000);
        format!("{tag} for c in [{}] %}}\n# {line}\n{{% endfor %}}\n", list.join(", "))
    };
    // For every spelling of the tag.
    for tag in ["{%", "{%-", "{%  "] {
        refused(&with_template(&loop_of(tag, 110)), "writes more than 1024 KiB");
        refused(&with_template(&loop_of(tag, 1000)), "takes more than 20000 units of work");
    }
}

#[test]
fn growth_by_operators() {
    refused(&with_template("a: {{ 'x' * 100000000 }}\n"), "can't multiply");
    refused(&with_template("{% set x = name ~ name %}\n"), "the tag `set` does not exist");
    refused(&with_template("a: {{ range(1000000000) }}\n"), "unknown");
}

#[test]
fn growth_by_filters() {
    let chain = "|toyaml".repeat(40);
    refused(
        &with_template(&format!("a: {{{{ server{chain} }}}}\n")),
        "expects a map or a list, not text",
    );
    let mut expression = "server".to_owned();
    for _ in 0..30 {
        expression = format!("[{expression}|toyaml]");
    }
    refused(&with_template(&format!("a: {{{{ {expression} }}}}\n")), "error");
}

#[test]
fn many_errors_are_counted_not_listed() {
    let lines: Vec<String> = (0..5_000).map(|number| format!("wrong{number}: 1\n")).collect();
    let output = bounded(&with_values(&lines.concat()));
    assert_eq!(output.code, 2);
    assert!(output.stderr.matches("error: ").count() <= 20, "{}", output.stderr);
}

/// Makes something at a path.
type Make = fn(&Path);

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}

#[test]
fn values_that_are_not_a_regular_file() {
    let sandbox = Sandbox::demo();
    make_pipe(&sandbox.path("values/pipe.yaml"));
    refused(&sandbox, "`values/pipe.yaml` is not a regular file");
    let sandbox = Sandbox::demo();
    std::fs::create_dir(sandbox.path("values/folder.yaml")).expect("a folder");
    refused(&sandbox, "`values/folder.yaml` is not a regular file");
}

#[test]
fn links_out_of_the_root() {
    let outside = Sandbox::demo();
    let secret = outside.path("values/demo.yaml");
    let sandbox = Sandbox::demo();
    symlink(&secret, sandbox.path("values/other.yaml")).expect("a link");
    refused(&sandbox, "`values/other.yaml` leads out of the project");

    let sandbox = Sandbox::demo();
    std::fs::create_dir(sandbox.path("templates")).expect("a folder");
    symlink(&secret, sandbox.path("templates/other.yaml.j2")).expect("a link");
    refused(&sandbox, "`templates/other.yaml.j2` leads out of the project");

    let sandbox = Sandbox::demo();
    std::fs::remove_dir_all(sandbox.path("values")).expect("removed");
    symlink(outside.path("values"), sandbox.path("values")).expect("a link");
    refused(&sandbox, "leads out of the project");
}

/// CI names the files of a pull request: a link among them shows nothing of what it leads to.
#[test]
fn a_link_out_of_the_root_is_refused_whoever_names_it() {
    let outside = Sandbox::empty();
    outside.write("secret.yaml", "SECRET_TOKEN=abc\n");
    outside.write("secret.yaml.j2", "SECRET_TOKEN=abc {{ x }}\n");
    outside.write("overlay.yaml", "gate: {floor: 5Gi}\n");
    let sandbox = Sandbox::demo();
    for folder in ["overlays", "own"] {
        std::fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    symlink(outside.path("secret.yaml"), sandbox.path("overlays/x.yaml")).expect("a link");
    symlink(outside.path("secret.yaml.j2"), sandbox.path("own/x.yaml.j2")).expect("a link");
    symlink(outside.path("."), sandbox.path("linked")).expect("a link");
    let absolute = sandbox.path("overlays/x.yaml").display().to_string();
    for command in [
        &["generate", "-f", "overlays/x.yaml"][..],
        &["generate", "-f", "./own/../overlays/x.yaml"],
        &["generate", "-f", &absolute],
        &["generate", "-f", "linked/secret.yaml"],
        &["generate", "overlays/x.yaml"],
        &["generate", "--templates", "own"],
        &["generate", "--templates", "linked"],
        &["validate", "overlays/x.yaml"],
        &["validate", "linked"],
        &["policy", "show", "overlays/x.yaml"],
        &["policy", "edit", "overlays/x.yaml", "--exclude", "tts"],
        &["diff", "--base", "./old", "--history", "overlays/x.yaml"],
    ] {
        let message = sandbox.refused(command);
        assert!(message.contains("leads out of the project"), "{command:?}: {message}");
        assert!(!message.contains("SECRET_TOKEN"), "{command:?}: {message}");
    }
    // The project around a folder is the same project.
    for command in [
        &["generate", "-f", "../overlays/x.yaml"][..],
        &["generate", "--templates", "."],
        &["validate", "../linked"],
    ] {
        let ran = tool::run_in(&sandbox.path("own"), command);
        let message = ran.refusal();
        assert!(message.contains("leads out of the project"), "{command:?}: {message}");
        assert!(!message.contains("SECRET_TOKEN"), "{command:?}: {message}");
    }
    // A path outside is the user's own.
    let own = outside.path("overlay.yaml").display().to_string();
    sandbox.ok(&["generate", "-f", &own]);
}

/// The names of a folder outside are not shown either, as those of similar stacks.
#[test]
fn a_folder_that_is_a_link_out_of_the_root_is_not_listed() {
    let outside = Sandbox::empty();
    for name in ["salaries.yaml", "passwords.yaml", "x.yaml.j2"] {
        outside.write(&format!("other/{name}"), "a: 1\n");
    }
    for folder in ["values", "policies", "templates"] {
        let sandbox = Sandbox::demo();
        if folder == "values" {
            std::fs::remove_dir_all(sandbox.path("values")).expect("removed");
        }
        symlink(outside.path("other"), sandbox.path(folder)).expect("a link");
        for command in [&["render"][..], &["generate", "salary"], &["explain", "--value", "x"]] {
            let ran = sandbox.run(command);
            for name in ["salaries", "passwords", "x.yaml.j2"] {
                assert!(!ran.stderr.contains(name), "{folder}: {command:?}: {}", ran.stderr);
            }
        }
        let message = sandbox.run(&["lint"]).stderr;
        assert!(message.contains(&format!("`{folder}` leads out of the project")), "{message}");
    }
}

#[test]
fn paths_out_of_the_root() {
    let edit = "kyverno:\n  mode: edit\n  policy: PATH\n";
    for path in ["../policy.yaml", "/etc/passwd", "policies/../../x.yaml"] {
        let sandbox = Sandbox::demo();
        sandbox.replace(
            "values/demo.yaml",
            "kyverno:\n  mode: none\n",
            &edit.replace("PATH", path),
        );
        refused(&sandbox, "invalid path");
    }
    let outside = Sandbox::empty();
    outside.write("policy.yaml", "secret: text\n");
    let sandbox = Sandbox::demo();
    sandbox.replace(
        "values/demo.yaml",
        "kyverno:\n  mode: none\n",
        &edit.replace("PATH", "policies/p.yaml"),
    );
    std::fs::create_dir(sandbox.path("policies")).expect("a folder");
    symlink(outside.path("policy.yaml"), sandbox.path("policies/p.yaml")).expect("a link");
    refused(&sandbox, "`policies/p.yaml` leads out of the project");
}

/// A link that stays inside is an ordinary file.
#[test]
fn links_inside_the_root() {
    let sandbox = Sandbox::demo();
    sandbox.write("shared/role.yaml.j2", "");
    std::fs::create_dir(sandbox.path("templates")).expect("a folder");
    symlink("../shared/role.yaml.j2", sandbox.path("templates/role.yaml.j2")).expect("a link");
    sandbox.ok(&["render"]);
    assert!(!sandbox.path("rendered/demo/role-demo-offpeak.yaml").exists());
}

#[test]
fn an_argument_is_read_by_its_spelling_whatever_files_there_are() {
    let sandbox = Sandbox::demo();
    // `-` is standard input, and not a folder of that name.
    sandbox.write("-/object.yaml", "kind: [\n");
    let mut command = tts_render(&sandbox.path("."));
    let ran = CommandOutput::from(
        command.args(["validate", "-"]).stdin(Stdio::null()).output().expect("it"),
    );
    let refusal = "standard input contains no object";
    assert!(ran.code == 2 && ran.stderr.contains(refusal), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(sandbox.run(&["validate", "./-"]).code, 1);
    let said = sandbox.refused(&["policy", "edit", "-", "--exclude", "tenant"]);
    assert!(said.contains("invalid file `-`: expected a file to edit"), "{said}");
    // A stack's path is one from the working directory, and never one from the root.
    std::fs::create_dir_all(sandbox.path("infra/docs")).expect("a folder");
    std::fs::rename(sandbox.path("values"), sandbox.path("infra/values")).expect("a move");
    let said = sandbox.refused(&["-C", "infra/docs", "generate", "values/demo.yaml"]);
    assert!(said.contains("can't read `values/demo.yaml`"), "{said}");
    sandbox.ok(&["-C", "infra/docs", "generate", "../values/demo.yaml"]);
    sandbox.ok(&["-C", "infra", "generate", "values/demo.yaml"]);
    // A stack's name is one, and not a folder of that name.
    sandbox.write("demo/values.yaml", "kind: [\n");
    sandbox.ok(&["-C", "infra", "generate", "demo"]);
}

/// Runs a command with a limit of the system on memory, and enough time for a debug build.
fn with_little_memory(sandbox: &Sandbox, arguments: &[&str]) -> CommandOutput {
    let script = "ulimit -t 60; ulimit -v 524288; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", env!("CARGO_BIN_EXE_tts-render")]).args(arguments);
    command.current_dir(sandbox.path(".")).env("NO_COLOR", "1").env("MALLOC_ARENA_MAX", "1");
    CommandOutput::run(&mut command)
}

/// A device has no end, and a pipe waits for a writer: neither is opened.
#[test]
fn attributes_and_files_to_pin_are_read_within_bounds() {
    let cases: [(Make, &str); 3] = [
        (|path| symlink("/dev/zero", path).expect("a link"), "leads out of the project"),
        (make_pipe, "is not a regular file"),
        (
            |path| std::fs::write(path, "# a\n".repeat(80_000)).expect("a file"),
            "is larger than 256 KiB",
        ),
    ];
    for (make, reason) in cases {
        let sandbox = Sandbox::demo();
        std::fs::remove_file(sandbox.path(".gitattributes")).expect("removed");
        make(&sandbox.path(".gitattributes"));
        let ran = with_little_memory(&sandbox, &["init", "second"]);
        assert_eq!(ran.code, 0, "{reason}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("`.gitattributes` {reason}")), "{}", ran.stderr);
        assert!(ran.stderr.contains("`rendered/** text eol=lf`"), "{}", ran.stderr);

        make(&sandbox.path("values/z.yaml"));
        // Nothing listens there.
        let pin = ["image", "pin", "localhost:1/a:1", "values/z.yaml"];
        let ran = with_little_memory(&sandbox, &pin);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{reason}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("`values/z.yaml` {reason}")), "{}", ran.stderr);
    }
}

/// A template that writes 1 MB of comments.
fn write_long_template(sandbox: &Sandbox, number: usize) {
    let list: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let line = "x".repeat(10_000);
    let text = format!("{{% for c in [{}] %}}\n# {line}\n{{% endfor %}}\n", list.join(", "));
    sandbox.write(&format!("templates/long-{number}.yaml.j2"), &text);
}

#[test]
fn the_output_of_all_templates_has_a_budget() {
    let sandbox = Sandbox::demo();
    (0..70).for_each(|number| write_long_template(&sandbox, number));
    for command in ["render", "generate", "lint"] {
        let ran = with_little_memory(&sandbox, &[command]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        let expected = "the templates' output of all stacks exceeds 64 MiB";
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
}

#[test]
fn the_values_of_all_stacks_have_a_budget() {
    let sandbox = Sandbox::demo();
    let text = sandbox.read("values/demo.yaml");
    let list = format!("list: [{}1]\n", "1,".repeat(120_000));
    (0..10).for_each(|number| {
        sandbox.write(&format!("values/s{number}.yaml"), text.clone() + &list);
    });
    let ran = with_little_memory(&sandbox, &["generate"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let expected = "the values of all stacks exceed 1000000 keys and values";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    // The message says how to allow more, and it is true: the next mistake is reported.
    assert!(ran.stderr.contains("`--budget-factor 10`"), "{}", ran.stderr);
    let ran = sandbox.run(&["generate", "--budget-factor", "10"]);
    assert!(ran.stderr.contains("unknown field `list`"), "{}", ran.stderr);
    // A new stack is compared with all others, or not written.
    let message = sandbox.refused(&["init", "new"]);
    assert!(message.contains(expected) && message.contains("`--budget-factor 10`"), "{message}");
    assert!(!sandbox.path("values/new.yaml").exists());
    let ran = sandbox.ok(&["init", "new", "--budget-factor", "10"]);
    assert!(ran.stderr.contains("copied nothing from the stack `s9`: it has errors"), "{ran:?}");
    let ran = sandbox.run(&["generate", "--budget-factor", "101"]);
    assert!(ran.stderr.contains("expected a whole number from 1 to 100"), "{}", ran.stderr);
}

#[test]
fn a_role_with_millions_of_permissions_is_compared_as_sets() {
    let sandbox = Sandbox::demo();
    let words = |letter: char, count: usize| {
        let words: Vec<String> = (0..count).map(|number| format!("{letter}{number}")).collect();
        words.join(", ")
    };
    for (folder, count) in [("b", 1), ("h", 200)] {
        let (groups, resources, verbs) = (words('g', count), words('r', count), words('w', count));
        sandbox.write(
            &format!("{folder}/role.yaml"),
            format!(
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: wide\nrules:\n- {{apiGroups: [{groups}], resources: [{resources}], verbs: [{verbs}, create]}}\n"
            ),
        );
    }
    let ran = with_little_memory(&sandbox, &["diff", "--base", "./b", "--head", "./h"]);
    assert!(ran.stdout.contains("201 verbs on 40000 resources"), "{}\n{}", ran.stdout, ran.stderr);
}

/// A Deployment whose container has many arguments.
fn deployment(name: &str, arguments: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: demo}}\nspec:\n  \
         selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      \
         containers:\n        - name: c\n          image: i\n          args: [{}a]\n",
        "a,".repeat(arguments)
    )
}

#[test]
fn the_objects_of_one_stack_have_a_budget() {
    let expected = "the objects of all stacks exceed 200000 keys and values, without the first 2500 of each stack";
    let sandbox = Sandbox::demo();
    for name in ["one", "two"] {
        sandbox.write(&format!("templates/{name}.yaml.j2"), deployment(name, 120_000));
    }
    let ran = with_little_memory(&sandbox, &["generate"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    // So have those that `diff` reads.
    sandbox.write("b/demo/one.yaml", deployment("one", 210_000));
    sandbox.write("h/demo/two.yaml", deployment("two", 10));
    for (base, head) in [("./b", "./h"), ("./h", "./b")] {
        let ran = with_little_memory(&sandbox, &["diff", "--base", base, "--head", head]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
}

#[test]
fn the_files_that_diff_reads_have_a_limit_together() {
    let sandbox = Sandbox::demo();
    let long = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, namespace: demo}}\ndata: {{a: {}}}\n",
        "x".repeat(7 << 20)
    );
    for number in 0..6 {
        sandbox.write(&format!("b/f{number}.yaml"), &long);
    }
    sandbox.write("h/f.yaml", &long);
    let expected = "more files, more bytes or deeper folders than a diff reads";
    let ran = with_little_memory(&sandbox, &["diff", "--base", "./b", "--head", "./h"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    // The same from Git, where equal files take no room.
    std::fs::rename(sandbox.path("b"), sandbox.path("rendered")).unwrap();
    let git = |args: &[&str]| common::git::git(&sandbox.path("."), args);
    git(&["init", "-q"]);
    git(&["add", "rendered"]);
    git(&["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "commit", "-q", "-m", "x"]);
    let ran = with_little_memory(&sandbox, &["diff", "--head", "./h"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
}

#[test]
fn the_fields_that_differ_have_a_limit_together() {
    let sandbox = Sandbox::demo();
    for side in ["b", "h"] {
        let words: Vec<String> = (0..950).map(|number| format!("{side}{number}")).collect();
        for number in 0..110 {
            let text = format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a{number}, namespace: demo}}\n\
                 spec: {{template: {{spec: {{containers: [{{name: a, args: [{}]}}]}}}}}}\n",
                words.join(", ")
            );
            sandbox.write(&format!("{side}/{number}/one.yaml"), text);
        }
    }
    let ran = with_little_memory(&sandbox, &["diff", "--base", "./b", "--head", "./h"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("more than 100000 fields differ"), "{}", ran.stderr);
}

#[test]
fn policies_and_templates_have_a_limit_together() {
    let sandbox = Sandbox::demo();
    let comment = "# a comment\n".repeat(20_000);
    for number in 0..18 {
        sandbox.write(&format!("policies/p{number}.yaml"), &comment);
    }
    assert!(sandbox.refused(&["lint"]).contains("`policies` is larger than 4096 KiB"));
    std::fs::remove_dir_all(sandbox.path("policies")).unwrap();
    for number in 0..18 {
        sandbox.write(&format!("templates/t{number}.yaml.j2"), &comment);
    }
    assert!(sandbox.refused(&["generate"]).contains("`templates` is larger than 4096 KiB"));
    std::fs::remove_dir_all(sandbox.path("templates")).unwrap();
    // Each stack has its own answers.
    let text = sandbox.read("values/demo.yaml");
    for number in 0..20 {
        let text = text.replace("demo", &format!("s{number}"));
        sandbox.write(&format!("values/s{number}.yaml"), text);
    }
    for number in 0..16 {
        sandbox.write(&format!("policies/p{number}.yaml"), &comment);
    }
    let message = sandbox.refused(&["lint"]);
    assert!(message.contains("the policies' bytes times the number of stacks exceed"), "{message}");
}

#[test]
fn a_policy_of_a_thousand_rules_is_read_once_and_not_for_each_rule() {
    let sandbox = Sandbox::demo();
    let rules: Vec<String> = (0..1_000)
        .map(|number| {
            format!(
                "    - name: r{number}\n      match: {{any: [{{resources: {{kinds: [Pod], namespaces: [n{number}]}}}}]}}\n      \
                 mutate: {{patchStrategicMerge: {{spec: {{priorityClassName: x}}}}}}\n"
            )
        })
        .collect();
    let head =
        "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n";
    sandbox.write("policies/p.yaml", format!("{head}{}", rules.concat()));
    let script = "ulimit -t 15; exec \"$0\" lint";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_tts-render")]).current_dir(sandbox.path("."));
    let ran = CommandOutput::run(&mut command);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 stack checked"), "{}", ran.stderr);
}
