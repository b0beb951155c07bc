//! `templates`: the built-in templates, listed, shown and written into the project.

#![cfg(test)]

mod common;

use common::tool::{Sandbox, repository};

/// The text of a template of this repository, which is built in.
fn template(name: &str) -> String {
    std::fs::read_to_string(repository().join(format!("templates/{name}.yaml.j2"))).expect(name)
}

#[test]
fn the_list_names_every_template_and_its_origin() {
    let sandbox = Sandbox::demo();
    let list = sandbox.ok(&["templates", "list"]).stdout;
    assert_eq!(list.lines().count(), 15, "{list}");
    assert!(list.contains("deployment             built in\n"), "{list}");
    sandbox.ok(&["templates", "eject", "deployment"]);
    sandbox.write("templates/rollout.yaml.j2", "# nothing\n");
    let list = sandbox.ok(&["templates", "list"]).stdout;
    assert_eq!(list.lines().count(), 16, "{list}");
    for line in [
        "deployment             templates/deployment.yaml.j2, in place of the built-in one\n",
        "rollout                templates/rollout.yaml.j2\n",
        "service                built in\n",
    ] {
        assert!(list.contains(line), "{line}{list}");
    }
}

#[test]
fn a_built_in_template_is_printed_to_the_byte() {
    let sandbox = Sandbox::empty();
    for name in
        ["deployment", "deployment.yaml", "deployment.yaml.j2", "templates/deployment.yaml.j2"]
    {
        assert_eq!(sandbox.ok(&["templates", "show", name]).stdout, template("deployment"));
    }
    // The project's own is not the built-in one.
    sandbox.write("templates/service.yaml.j2", "# nothing\n");
    assert_eq!(sandbox.ok(&["templates", "show", "service"]).stdout, template("service"));
}

#[test]
fn an_ejected_template_renders_the_same_until_it_is_changed() {
    let sandbox = Sandbox::demo();
    let before = sandbox.ok(&["generate"]).stdout;
    let output = sandbox.ok(&["templates", "eject", "deployment"]);
    assert_eq!(output.stdout, "");
    assert_eq!(output.stderr, "wrote `templates/deployment.yaml.j2`\n");
    assert_eq!(sandbox.read("templates/deployment.yaml.j2"), template("deployment"));
    assert_eq!(sandbox.ok(&["generate"]).stdout, before);
    sandbox.replace(
        "templates/deployment.yaml.j2",
        "  replicas: 0\n",
        "  replicas: 0\n  paused: true\n",
    );
    assert!(sandbox.ok(&["generate"]).stdout.contains("  paused: true\n"));
    let errors = sandbox.refused(&["templates", "eject", "deployment"]);
    assert!(errors.contains("exists already: `eject` overwrites nothing"), "{errors}");
    assert!(sandbox.read("templates/deployment.yaml.j2").contains("paused"));
}

#[test]
fn an_unknown_name_is_refused_with_a_suggestion() {
    let sandbox = Sandbox::empty();
    for command in ["show", "eject"] {
        let errors = sandbox.refused(&["templates", command, "deployement"]);
        assert!(errors.contains("there is no built-in template `deployement`"), "{errors}");
        assert!(errors.contains("did you mean `deployment`?"), "{errors}");
        let errors = sandbox.refused(&["templates", command, "kustomization"]);
        assert!(errors.contains("`httproute`"), "a list: {errors}");
    }
    assert!(!sandbox.path("templates").exists());
    sandbox.write("templates/rollout.yaml.j2", "# nothing\n");
    let errors = sandbox.refused(&["templates", "show", "rollout"]);
    assert!(errors.contains("it is `templates/rollout.yaml.j2`"), "{errors}");
}

#[test]
fn a_mistake_in_a_template_is_one_error_with_a_fix() {
    let sandbox = Sandbox::demo();
    for (line, message, fix) in [
        (
            "  a: {{ .Values.server.name }}",
            "`{{ .Values.server.name }}` is the syntax of Helm's charts",
            "write `key: {{ server.name }}` for a value",
        ),
        (
            "  {{- if .Values.service }}\n  a: b\n  {{- end }}",
            "`{{- if .Values.service }}` is the syntax of Helm's charts",
            "`{% if service %}` … `{% endif %}` for a condition",
        ),
        (
            "  {{ range $k, $v := .Values.server.env }}",
            "`{{ range $k, $v := .Values.server.env }}` is the syntax of Helm's charts",
            "write `key: {{ server.name }}`",
        ),
        (
            "{% if service %}\n  a: b\n{% fi %}",
            "the tag `fi` does not exist",
            "write `{% endif %}`",
        ),
        (
            "{% for k in server.args %}\n  a: {{ k }}\n{% end %}",
            "the tag `end` does not exist",
            "a block ends with `{% endif %}` or `{% endfor %}`",
        ),
        ("{% esle %}", "the tag `esle` does not exist", "did you mean `else`?"),
        (
            "{% if service %}\n  a: {{ name }\n  b: {{ name }}\n{% endif %}",
            "a tag or an interpolation must be on one line: `}}` is missing on it",
            "a: {{ name }",
        ),
        (
            "  a: {{ name | upcase }}",
            "templates have no filter `upcase`",
            "expected one of `string`",
        ),
        ("  a: {{ name | sha265 }}", "templates have no filter `sha265`", "did you mean `sha256`?"),
        ("  a: {{ server.nam }}", "`server.nam` is not defined", "did you mean `name`?"),
    ] {
        let head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: own\ndata:\n";
        sandbox.write("templates/own.yaml.j2", format!("{head}{line}\n"));
        let errors = sandbox.refused(&["generate"]);
        assert_eq!(errors.matches("error: ").count(), 1, "{line}: {errors}");
        for part in [message, fix, "templates/own.yaml.j2:"] {
            assert!(errors.contains(part), "{line}: {part}\n{errors}");
        }
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link_out_of_the_project() {
    let outside = Sandbox::empty();
    let sandbox = Sandbox::empty();
    std::os::unix::fs::symlink(outside.path("."), sandbox.path("templates")).unwrap();
    let errors = sandbox.refused(&["templates", "eject", "deployment"]);
    assert!(errors.contains("leads out of the project"), "{errors}");
    assert!(!outside.path("deployment.yaml.j2").exists());
}
