//! The generated workflows' comment on a pull request: one comment, replaced by each run.

#![cfg(test)]

mod common;

use std::sync::{Arc, Mutex};

use common::http::{self, Request, Response, Server};
use common::tool::{CommandOutput, Sandbox};
use serde_json::{Value, json};

const FORGES: [&str; 2] = ["github", "forgejo"];
const REPORT: &str = "## `tts`: nothing critical\n\n<!-- tts-render: diff -->";
const OLD_REPORT: &str = "## `tts`: one critical change\r\n\r\n<!-- tts-render: diff -->\r\n";

/// The job of a generated workflow that comments.
fn comment_job(forge: &str) -> Value {
    let project = Sandbox::repository();
    let output = project.ok(&[
        "gitops",
        forge,
        "--set",
        "gitops.repoURL=https://git.example/me/infra.git",
        "--set",
        "gitops.ci.action=me/tts-render@0123456789012345678901234567890123456789",
    ]);
    let workflow: Value = serde_yaml::from_str(&output.stdout).unwrap();
    workflow["jobs"]["comment"].clone()
}

/// A forge with the comments of one pull request, three on each page.
struct FakeForge {
    server: Server,
    comments: Arc<Mutex<Vec<Value>>>,
}

impl FakeForge {
    /// The login of the job's token. It may change any comment, as on the real forges.
    fn login(forge: &str) -> &'static str {
        if forge == "github" { "github-actions[bot]" } else { "forgejo-actions" }
    }

    fn start(forge: &'static str, comments: Vec<Value>) -> Self {
        let comments = Arc::new(Mutex::new(comments));
        let state = Arc::clone(&comments);
        let server = http::serve(move |request| {
            if request.headers.get("authorization").map(String::as_str) != Some("token t0k3n") {
                return Response::new(401, "{}");
            }
            answer(forge, request, &mut state.lock().unwrap())
        });
        FakeForge { server, comments }
    }

    /// Runs the job's script, as a runner does.
    #[track_caller]
    fn run_comment_job(&self, forge: &str) -> CommandOutput {
        let job = comment_job(forge);
        let step = &job["steps"][0];
        let mut command = std::process::Command::new("bash");
        command.args(["-e", "-o", "pipefail", "-c", step["run"].as_str().unwrap()]);
        for (name, value) in step["env"].as_object().unwrap() {
            let base = format!("http://{}", self.server.address);
            let value = match value.as_str().unwrap() {
                "${{ github.api_url }}" => base + "/api",
                "${{ github.graphql_url }}" => base + "/graphql",
                "${{ github.event.pull_request.number }}" => "7".to_owned(),
                "${{ needs.check.outputs.report }}" => REPORT.to_owned(),
                "${{ github.repository }}" => "me/infra".to_owned(),
                "${{ github.token }}" => "t0k3n".to_owned(),
                other => panic!("unknown expression `{other}`"),
            };
            command.env(name, value);
        }
        CommandOutput::run(&mut command)
    }

    fn comments(&self) -> Vec<(String, String)> {
        let comments = self.comments.lock().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        comments.iter().map(|one| (text(&one["user"]["login"]), text(&one["body"]))).collect()
    }
}

fn answer(forge: &str, request: &Request, comments: &mut Vec<Value>) -> Response {
    let login = FakeForge::login(forge);
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let value = match (request.method.as_str(), path) {
        ("GET", "/api/repos/me/infra/issues/7/comments") => {
            let page = query.split('&').find_map(|pair| pair.strip_prefix("page="));
            let page: usize = page.unwrap().parse().unwrap();
            let shown: Vec<Value> = comments.iter().skip(3 * (page - 1)).take(3).cloned().collect();
            let link = format!(
                "Link: <https://git.example/x?per_page=3&page=1>; rel=\"first\"{}",
                if 3 * page < comments.len() {
                    format!(", <https://git.example/x?per_page=3&page={}>; rel=\"next\"", page + 1)
                } else {
                    String::new()
                }
            );
            return Response::new(200, json!(shown).to_string()).with_header(link);
        }
        ("POST", "/api/repos/me/infra/issues/7/comments") => {
            comments.push(comment(login, body["body"].as_str().unwrap()));
            json!({})
        }
        ("PATCH", path) => {
            let id = path.strip_prefix("/api/repos/me/infra/issues/comments/").unwrap();
            let id: u64 = id.parse().unwrap();
            let existing = comments.iter_mut().find(|one| one["id"] == id).unwrap();
            existing["body"] = body["body"].clone();
            json!({})
        }
        ("POST", "/graphql") if forge == "github" => json!({"data": {"viewer": {"login": login}}}),
        ("GET", "/api/user") if forge == "forgejo" => json!({"login": login}),
        _ => {
            return Response::new(403, "{\"message\": \"Resource not accessible by integration\"}");
        }
    };
    Response::new(200, value.to_string())
}

fn comment(login: &str, body: &str) -> Value {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    json!({"id": id, "user": {"login": login}, "body": body})
}

#[test]
fn neither_release_gives_a_secret_to_the_job_that_compiles() {
    for file in [".github/workflows/release.yaml", ".forgejo/workflows/release.yaml"] {
        let text = std::fs::read_to_string(common::tool::repository().join(file)).unwrap();
        let workflow: Value = serde_yaml::from_str(&text).unwrap();
        assert_eq!(workflow["permissions"], json!({}), "{file}");
        let jobs = &workflow["jobs"];
        assert_eq!(jobs["build"]["permissions"], json!({"contents": "read"}), "{file}");
        let image = jobs["build"]["container"]["image"].as_str().unwrap();
        assert!(image.starts_with("rust:") && image.contains("@sha256:"), "{file}: {image}");
        let steps = |job: &str| jobs[job]["steps"].as_array().unwrap().clone();
        let step_of = |job: &str| {
            let ends = |step: &Value| step["run"].as_str().is_some_and(|run| run.ends_with(job));
            steps(job).into_iter().find(ends).unwrap_or_else(|| panic!("{file}: no step of {job}"))
        };
        // The forge gives its own token. It may read on GitHub; see the test below for Forgejo.
        let build = serde_json::to_string(&jobs["build"]).unwrap();
        assert!(!build.contains("secrets.") && !build.contains("token"), "{file}: {build}");
        assert!(step_of("build")["run"].as_str().unwrap().ends_with(".ci/release build"), "{file}");
        let publish = step_of("publish");
        let given = publish["env"].to_string() + publish["run"].as_str().unwrap();
        for variable in
            ["TAG", "API", "REPOSITORY", "TOKEN", "REGISTRY", "REGISTRY_USER", "REGISTRY_TOKEN"]
        {
            let is_given = ["\"", ""].iter().any(|quote| {
                given.contains(&format!("{quote}{variable}{quote}:"))
                    || given.contains(&format!("{variable}="))
            });
            assert!(is_given, "{file}: {variable}");
        }
        for step in steps("build").iter().chain(&steps("publish")) {
            let Some(action) = step["uses"].as_str() else { continue };
            let (_, commit) = action.rsplit_once('@').unwrap();
            assert!(
                commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()),
                "{action}"
            );
        }
    }
}

/// The output of a step of Forgejo's release, with a command in place of `.ci/release STEP`.
fn run_release_step(step: &str, command: &str, environment: &[(&str, &str)]) -> String {
    let file = common::tool::repository().join(".forgejo/workflows/release.yaml");
    let workflow: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let call = format!(".ci/release {step}");
    let steps = workflow["jobs"][step]["steps"].as_array().unwrap();
    let run = steps.iter().filter_map(|step| step["run"].as_str()).find(|run| run.ends_with(&call));
    let mut bash = std::process::Command::new("bash");
    bash.args(["-e", "-o", "pipefail", "-c", &run.unwrap().replace(&call, command)]);
    CommandOutput::run(bash.envs(environment.iter().copied())).stdout
}

/// Forgejo's runner gives each step a token that may write, whatever `permissions` says.
#[test]
fn forgejo_s_release_compiles_without_the_runner_s_variables() {
    let runner = [
        ("GITHUB_TOKEN", "t0k3n"),
        ("FORGEJO_TOKEN", "t0k3n"),
        ("ACTIONS_RUNTIME_TOKEN", "t0k3n"),
        ("CARGO_HOME", "/cargo"),
        ("RUSTUP_HOME", "/rustup"),
        ("TAG", "v0.1.0"),
        ("SOURCE", "https://git.example/me/infra"),
    ];
    let environment = run_release_step("build", "cat /proc/self/environ", &runner);
    let mut names: Vec<&str> = environment
        .split_terminator('\0')
        .map(|variable| variable.split_once('=').unwrap().0)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["CARGO_HOME", "HOME", "PATH", "RUSTUP_HOME", "SOURCE", "TAG"]);
}

/// A registry has no path, and the forge may have one.
#[test]
fn forgejo_s_registry_is_the_server_s_host() {
    for server in ["https://git.example:8443", "https://git.example:8443/forge/"] {
        let registry = run_release_step("publish", "printenv REGISTRY", &[("SERVER", server)]);
        assert_eq!(registry, "git.example:8443\n");
    }
}

fn node_is_there() -> bool {
    common::require(&["node", "--version"])
}

#[test]
fn the_first_run_adds_a_comment() {
    if !node_is_there() {
        return;
    }
    for forge in FORGES {
        let fake = FakeForge::start(forge, vec![comment("someone", "Looks good")]);
        let output = fake.run_comment_job(forge);
        assert_eq!(output.code, 0, "{}", output.stderr);
        let added = (FakeForge::login(forge).to_owned(), REPORT.to_owned());
        assert_eq!(fake.comments()[1..], [added]);
    }
}

#[test]
fn a_later_run_replaces_its_own_comment_on_any_page() {
    if !node_is_there() {
        return;
    }
    for forge in FORGES {
        let login = FakeForge::login(forge);
        let mut comments: Vec<Value> = (0..7).map(|n| comment("someone", &n.to_string())).collect();
        comments.push(comment(login, OLD_REPORT));
        // A newer comment of the same user, from another workflow.
        comments.push(comment(login, "Coverage: 80 %"));
        let fake = FakeForge::start(forge, comments);
        let before = fake.comments();
        let output = fake.run_comment_job(forge);
        assert_eq!(output.code, 0, "{}", output.stderr);
        let mut expected = before;
        expected[7].1 = REPORT.to_owned();
        assert_eq!(fake.comments(), expected);
    }
}

#[test]
fn a_comment_of_somebody_else_with_the_marker_is_left_alone() {
    if !node_is_there() {
        return;
    }
    for forge in FORGES {
        for body in [OLD_REPORT, "<!-- tts-render: diff -->", "<!-- tts-render -->\nmine"] {
            let fake = FakeForge::start(forge, vec![comment("mallory", body)]);
            for _ in 0..2 {
                let output = fake.run_comment_job(forge);
                assert_eq!(output.code, 0, "{}", output.stderr);
            }
            let own = (FakeForge::login(forge).to_owned(), REPORT.to_owned());
            assert_eq!(fake.comments(), [("mallory".to_owned(), body.to_owned()), own]);
        }
    }
}

#[test]
fn a_forge_that_refuses_fails_the_job() {
    if !node_is_there() {
        return;
    }
    for forge in FORGES {
        let server = http::serve(|_| Response::new(500, "<html>"));
        let fake = FakeForge { server, comments: Arc::default() };
        let output = fake.run_comment_job(forge);
        assert_eq!(output.code, 1);
        assert_eq!(output.stderr, "GET /api/repos/me/infra/issues/7/comments: status 500\n");
        assert_eq!(fake.server.requests().len(), 1);
    }
}

#[test]
fn the_job_with_the_right_to_comment_has_no_checkout() {
    for forge in FORGES {
        let job = comment_job(forge);
        assert_eq!(job["permissions"], json!({"pull-requests": "write"}));
        let steps = job["steps"].as_array().unwrap();
        assert_eq!(steps.len(), 1);
        assert!(steps[0].get("uses").is_none());
    }
}
