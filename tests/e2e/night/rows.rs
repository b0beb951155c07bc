//! The sequences, in the order of the table.

use std::collections::BTreeSet;
use std::io::copy;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::Night;
use super::exporter::Page;
use super::outcome::{Ended, Outcome, Run};
use super::scene::{Scene, cron_job_name};
use crate::cluster::{MERGE, until};
use crate::gate::deployed_stack::{ACCOUNT, DEPLOYMENT, PRIORITY};
use crate::gate::exporter::{full, roomy};
use crate::gate::stop_everything;
use crate::jobs::{condition, name, pods};

/// A sequence.
pub struct Row {
    pub name: &'static str,
    pub sequence: &'static str,
    /// The test's part in it: `simulated` if it sets a kubelet's, the network's or the clock's, `computed` if nothing
    /// runs.
    pub mark: &'static str,
    /// It affects the other rows, so it is played before them.
    pub alone: bool,
    pub play: fn(&'static Night) -> Outcome,
}

const fn row(
    name: &'static str,
    sequence: &'static str,
    play: fn(&'static Night) -> Outcome,
) -> Row {
    Row { name, sequence, mark: "", alone: false, play }
}

impl Row {
    const fn simulated(self) -> Self {
        Row { mark: "simulated", ..self }
    }

    const fn computed(self) -> Self {
        Row { mark: "computed", ..self }
    }

    const fn alone(self) -> Self {
        Row { alone: true, ..self }
    }
}

pub const ROWS: &[Row] = &[
    row("1", "the gate's image can be pulled on the tenant's node alone", image_missing)
        .simulated(),
    row("1b", "the same, with `gate.preferTenantNode: false`", image_missing_elsewhere).simulated(),
    row("2", "a quota refuses the gate's Pods", quota),
    row("3", "the cluster is full, and the guard's Pod finds no room", no_room).alone(),
    row("4", "the node of a guard's Pod is lost", guard_lost).simulated(),
    row("5", "the node of the Pod of `down` is lost at the window's end", down_lost).simulated(),
    row("6", "the controllers are away at the window's end, and back at noon", away_until_noon)
        .simulated()
        .alone(),
    row(
        "6b",
        "the controllers are away by day, and back inside the next window",
        away_until_window,
    )
    .simulated()
    .alone(),
    row("7", "the controllers are away for a minute at the window's end", away_for_a_minute)
        .simulated()
        .alone(),
    row("8", "the gate's Role is gone in the window", role_gone),
    row("9", "a wrong setting of the gate is synced in the window", wrong_setting),
    row("10", "the exporter does not answer", exporter_gone).simulated(),
    row("10b", "the gate's Pods cannot reach the API server", server_unreachable).simulated(),
    row("11", "every scrape is reset at the end of a line", reset),
    row("11b", "one scrape is cut at the end of a line", cut_once),
    row("11c", "every scrape is cut at the end of a line", cut_always),
    row("11d", "the same, with `gate.sentinel`", cut_before_sentinel),
    row("12", "the tenant's node is lost", tenant_lost).simulated(),
    row("13", "the tenant's Pod is evicted in the window and replaced", evicted).simulated(),
    row("13b", "the same, with `server.admission`", evicted_with_admission).simulated(),
    row("14", "the emergency stop, while `up` waits for its second sample", stopped),
    row("15", "`offPeak.suspend` is synced in the window", suspended),
    row("15b", "`offPeak.suspendAll` is synced in the window", all_suspended),
    row("16", "somebody scales up by hand at noon", scaled_by_hand),
    row("17", "`up` starts late", late_up).simulated(),
    row("19", "the clocks change in spring and in autumn", clock_change).computed(),
    row("20", "two connections to the API server are lost", lost_connections).simulated(),
];

fn image_missing(night: &'static Night) -> Outcome {
    without_registry(night, "1", "gate.preferTenantNode=true")
}

fn image_missing_elsewhere(night: &'static Night) -> Outcome {
    without_registry(night, "1b", "gate.preferTenantNode=false")
}

fn without_registry(night: &'static Night, row: &str, preference: &str) -> Outcome {
    let scene = Scene::new(night, row, &["gate.image.tag=one-node", preference]);
    // `up` ran where the image is.
    scene.patch_pods("up", &json!({"nodeName": "gpu"}));
    scene.start_tenant();
    scene.guard_then_down()
}

/// Creates a quota and waits until it is enforced.
#[track_caller]
fn create_quota(scene: &Scene, pods: &str) -> Value {
    let quota = json!({
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "pods", "namespace": scene.stack.namespace},
        "spec": {"hard": {"pods": pods}},
    });
    let admin = scene.night.cluster.admin();
    admin.create(&quota, "").object();
    until("the quota is counted", || {
        admin.live(&quota)["status"]["used"]["pods"].is_string().then_some(())
    });
    quota
}

fn quota(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "2", &[]);
    scene.start_tenant();
    create_quota(&scene, "1");
    scene.guard_then_down()
}

fn no_room(night: &'static Night) -> Outcome {
    let admin = night.cluster.admin();
    let class = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"name": "middle"}, "value": PRIORITY / 2});
    admin.create(&class, "").object();
    let scene = Scene::new(night, "3", &[]);
    scene.start_tenant();
    // Others, with less priority than the tenant, use what its node and the other node have left.
    let fillers = [("gpu", "7800m"), ("other", "8")].map(|(node, cpu)| {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": format!("filler-{node}"), "namespace": "default"},
            "spec": {
                "nodeName": node,
                "priorityClassName": "middle",
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": false,
                "containers": [{"name": "filler", "image": "filler", "resources": {"requests": {"cpu": cpu}}}],
            },
        })
    });
    for filler in &fillers {
        until("the default service account", || admin.create(filler, "").done().then_some(()));
        until("the filler runs", || {
            (admin.live(filler)["status"]["phase"] == "Running").then_some(())
        });
    }
    let gone = |filler: &Value| admin.get(&admin.path(filler)).status == 404;
    assert!(!fillers.iter().any(gone), "the node has no room");
    let outcome = Outcome::default().note("a Pod of a lower class makes room");
    let outcome = outcome.then(scene.guard_then_down());
    let made_room = fillers.iter().any(gone);
    for filler in &fillers {
        let answer = admin.send("DELETE", &admin.path(filler), "", "").unwrap();
        assert!(answer.done() || answer.status == 404, "{answer:?}");
        until("no filler is left", || gone(filler).then_some(()));
    }
    assert!(made_room, "{outcome:?}");
    outcome
}

/// Starts a scheduled run on a node that is then lost. The Job's deadline passes, and its Pod terminates for
/// ever. Returns what the next scheduled run does.
fn lose_run(scene: &Scene, row: &str, action: &str) -> (Outcome, Run) {
    let (night, admin) = (scene.night, scene.night.cluster.admin());
    let node = night.add_lost_node(row);
    scene.patch_pods(action, &json!({"nodeName": node}));
    let before = scene.jobs(action);
    scene.make_due(action, 3);
    let job = scene.next_job(action, &before);
    let pod = until("its Pod", || pods(&scene.stack, &job).pop());
    run_by_hand(scene, &pod);
    night.lose(&node);
    let path = format!("/apis/batch/v1/namespaces/{}/jobs/{job}", scene.stack.namespace);
    let passed = json!({"spec": {"activeDeadlineSeconds": 1}});
    admin.patch(&path, MERGE, &passed, "").object();
    until("its deadline passes", || {
        condition(&admin.get(&path).object(), "FailureTarget").map(str::to_owned)
    });
    let mut outcome = Outcome::default();
    outcome.step(action, &Run::NodeLost, false);

    scene.patch_pods(action, &json!({"nodeName": null}));
    let before: BTreeSet<String> = [job].into();
    scene.make_due(action, 2);
    let next = until("the next run, or an event", || {
        let new = scene.jobs(action).difference(&before).next().cloned();
        let blocked = scene.has_event(cron_job_name(action), "JobAlreadyActive");
        new.map(Some).or(blocked.then_some(None))
    });
    let run = next.map_or(Run::NotStarted, |job| scene.end_of(&job));
    outcome.step(action, &run, scene.stack.replicas() == 0);
    (outcome, run)
}

/// Reports that a Pod runs, as the kubelet of its node did before the node was lost.
#[track_caller]
fn run_by_hand(scene: &Scene, pod: &Value) {
    let path = format!("/api/v1/namespaces/{}/pods/{}/status", scene.stack.namespace, name(pod));
    let status = json!({"status": {"phase": "Running"}});
    scene.night.cluster.admin().patch(&path, MERGE, &status, "").object();
}

fn guard_lost(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "4", &[]);
    scene.start_tenant();
    let (mut outcome, _) = lose_run(&scene, "4", "guard");
    if scene.stack.replicas() == 0 {
        return outcome.with_end(Ended::Guard(2));
    }
    let down = scene.run("down");
    outcome.step("down", &down, scene.stack.replicas() == 0);
    assert_eq!(scene.stack.replicas(), 0, "{outcome:?}");
    outcome.with_end(Ended::WindowEnd)
}

fn down_lost(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "5", &[]);
    scene.start_tenant();
    let (outcome, _) = lose_run(&scene, "5", "down");
    let left = scene.stack.replicas() == 0;
    outcome.with_end(if left { Ended::NextDown } else { Ended::Person })
}

/// The outcomes of the three rows of one outage.
fn outage(night: &'static Night) -> &'static [Outcome; 3] {
    static OUTAGE: OnceLock<[Outcome; 3]> = OnceLock::new();
    OUTAGE.get_or_init(|| {
        let noon = Scene::at(night, "6", 12, &[]);
        let window = Scene::at(night, "6b", 3, &[]);
        let minute = Scene::new(night, "7", &[]);
        for scene in [&noon, &window, &minute] {
            scene.start_tenant();
        }
        let known = [&noon, &window, &minute].map(|scene| scene.jobs("down"));
        night.cluster.stop_controllers();
        // The last instants before the outage: 05:55 today and 21:55 yesterday.
        let past = jiff::Timestamp::now().as_second() / 60 % 60;
        for (scene, hours) in [(&noon, 6), (&window, 5)] {
            for action in ["up", "guard", "down"] {
                scene.last_ran(action, hours * 60 + past + 5);
            }
            scene.add_canary();
        }
        minute.make_just_due("down", 0);
        night.cluster.start_controllers(&super::CONTROLLERS);

        // Once the canaries have ended, the controller has looked at all CronJobs of these namespaces.
        let made_up = |scene: &Scene, known: &BTreeSet<String>| {
            scene.await_canary();
            let jobs = scene.jobs("down");
            let new: Vec<&String> = jobs.difference(known).collect();
            assert!(new.len() <= 1, "one run is made up for at most: {new:?}");
            new.first().map(|job| scene.end_of(job))
        };
        let mut outcomes: [Outcome; 3] = std::array::from_fn(|_| Outcome::default());
        let run = made_up(&noon, &known[0]);
        outcomes[0].step("down", run.as_ref().unwrap_or(&Run::NotStarted), run.is_some());
        outcomes[0].ended = if run.is_some() { Ended::AfterOutage } else { Ended::NextDown };
        assert_eq!(noon.stack.replicas() == 0, run.is_some());

        let run = made_up(&window, &known[1]);
        assert!(run.is_none(), "no `down` acts inside the window: {run:?}");
        outcomes[1].step("down", &Run::NotStarted, false);
        let guard = window.run("guard");
        assert_eq!(window.stack.replicas(), 0, "{guard:?}");
        outcomes[1].step("guard", &guard, true);
        outcomes[1].ended = Ended::GuardAfterOutage;

        let run = minute.end_of(&minute.next_job("down", &known[2]));
        assert_eq!(minute.stack.replicas(), 0, "{run:?}");
        outcomes[2].step("down", &run, true);
        outcomes[2].ended = Ended::MadeUp;
        outcomes
    })
}

fn away_until_noon(night: &'static Night) -> Outcome {
    outage(night)[0].clone()
}

fn away_until_window(night: &'static Night) -> Outcome {
    outage(night)[1].clone()
}

fn away_for_a_minute(night: &'static Night) -> Outcome {
    outage(night)[2].clone()
}

fn role_gone(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "8", &[]);
    scene.start_tenant();
    let admin = night.cluster.admin();
    let path = admin.path(scene.stack.rendered("Role", ACCOUNT));
    admin.send("DELETE", &path, "", "").unwrap().object();
    scene.guard_then_down()
}

fn wrong_setting(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "9", &[]);
    scene.start_tenant();
    for action in ["guard", "down"] {
        scene.set_variable(action, "FLOOR", "6 GB");
    }
    scene.guard_then_down()
}

fn exporter_gone(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "10", &[]);
    scene.start_tenant();
    scene.exporter.serve(Page::Nothing);
    scene.guard_then_down()
}

fn server_unreachable(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "10b", &[]);
    scene.start_tenant();
    // Nothing listens there. The shorter budget saves the test two minutes.
    let blocked = [("KUBERNETES_SERVICE_PORT", "1".to_owned()), ("SCALE_BUDGET", "2s".to_owned())];
    night.kubelet.set(&scene.stack.namespace, &blocked);
    scene.guard_then_down()
}

/// `up`, and if it starts the tenant, guard and `down`, with an exporter that answers so. Others fill the GPU.
fn unread_page(night: &'static Night, row: &str, settings: &[&str], page: Page) -> Outcome {
    let scene = Scene::new(night, row, settings);
    scene.exporter.serve(page);
    let run = scene.run("up");
    assert_eq!(run.code(), Some(0), "{run:?}");
    if scene.stack.replicas() == 0 {
        let outcome = Outcome::default().with_end(Ended::NeverStarted);
        return outcome.note("`up` leaves it at 0");
    }
    Outcome::default().note("`up` starts it").then(scene.guard_then_down())
}

fn reset(night: &'static Night) -> Outcome {
    unread_page(night, "11", &[], Page::Reset(full()))
}

fn cut_once(night: &'static Night) -> Outcome {
    unread_page(night, "11b", &[], Page::CutOnce(full()))
}

fn cut_always(night: &'static Night) -> Outcome {
    unread_page(night, "11c", &[], Page::Cut(full()))
}

fn cut_before_sentinel(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "11d", &["gate.sentinel=exporter_up"]);
    let with_sentinel = |page: String| page + "# TYPE exporter_up gauge\nexporter_up 1\n";
    // A whole page is read, so that the refusal below is the cut's.
    scene.exporter.serve(Page::Whole(with_sentinel(roomy())));
    let run = scene.run("up");
    assert_eq!((run.code(), scene.stack.replicas()), (Some(0), 1), "{run:?}");
    scene.stack.scale_to(0);
    scene.exporter.serve(Page::Cut(with_sentinel(full())));
    let run = scene.run("up");
    assert_eq!((run.code(), scene.stack.replicas()), (Some(0), 0), "{run:?}");
    Outcome::default().note("`up` leaves it at 0").with_end(Ended::NeverStarted)
}

fn tenant_lost(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "12", &[]);
    let node = night.add_lost_node("12");
    let admin = night.cluster.admin();
    let path = scene.stack.apps(&format!("deployments/{DEPLOYMENT}"));
    let patch = json!({"spec": {"template": {"spec": {"nodeName": node}}}});
    admin.patch(&path, MERGE, &patch, "").object();
    let up = scene.run("up");
    assert_eq!((up.code(), scene.stack.replicas()), (Some(0), 1));
    let pod = until("the tenant's Pod", || scene.tenants().pop());
    run_by_hand(&scene, &pod);
    night.lose(&node);
    scene.exporter.serve(Page::Whole(full()));
    let outcome = scene.guard_then_down();
    assert_eq!(outcome.ended, Ended::Guard(1), "the replicas are 0: {outcome:?}");
    until("its Pod is deleted", || {
        scene.tenants()[0]["metadata"]["deletionTimestamp"].is_string().then_some(())
    });
    outcome
        .note("its Pod stays `Terminating`, and may hold its memory, until the node is back")
        .with_end(Ended::Person)
}

/// Deletes the tenant's Pod, as an eviction does, and waits for the next one.
fn evict(scene: &Scene) {
    let admin = scene.night.cluster.admin();
    let pod = scene.tenants().pop().unwrap();
    let path = format!("/api/v1/namespaces/{}/pods/{}", scene.stack.namespace, name(&pod));
    admin.send("DELETE", &path, "", "").unwrap().object();
    until("another Pod", || {
        scene.tenants().iter().any(|next| name(next) != name(&pod)).then_some(())
    });
}

fn evicted(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "13", &[]);
    scene.start_tenant();
    evict(&scene);
    until("it runs", || {
        scene.tenants().iter().any(|pod| pod["status"]["phase"] == "Running").then_some(())
    });
    Outcome::default().note("the new Pod starts without looking").then(scene.guard_then_down())
}

fn evicted_with_admission(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "13b", &["server.admission=true"]);
    scene.start_tenant();
    evict(&scene);
    let before = scene.exporter.scrapes();
    until("it looks", || (scene.exporter.scrapes() >= before + 4).then_some(()));
    let pod = scene.tenants().pop().unwrap();
    assert_eq!(pod["status"]["phase"], "Pending", "{pod}");
    let outcome = Outcome::default().note("the new Pod waits for the floor, and loads nothing");
    outcome.then(scene.guard_then_down()).with_end(Ended::NeverStarted)
}

/// The commands of docs/stop.md, while an `up` pauses.
fn stopped(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "14", &["gate.sampleIntervalSeconds=60"]);
    let job = scene.create_job("up");
    until("its first sample", || (scene.exporter.scrapes() > 0).then_some(()));
    for command in stop_everything::commands("# Stop everything") {
        stop_everything::kubectl(&scene.stack, &command);
    }
    let run = scene.end_of(&job);
    for command in stop_everything::commands("## Start again") {
        stop_everything::kubectl(&scene.stack, &command);
    }
    assert_eq!(scene.stack.replicas(), 0, "{run:?}");
    Outcome::default().note("`up` leaves it at 0").with_end(Ended::NeverStarted)
}

fn suspend(night: &'static Night, row: &str, setting: &str) -> Scene {
    let scene = Scene::new(night, row, &[]);
    scene.start_tenant();
    scene.sync(setting);
    scene
}

/// Guard and `down` as the controller starts them.
fn suspended(night: &'static Night) -> Outcome {
    let scene = suspend(night, "15", "offPeak.suspend=true");
    let mut outcome = Outcome::default();
    for action in ["guard", "down"] {
        let before = scene.jobs(action);
        scene.make_due(action, 1);
        let run = scene.end_of(&scene.next_job(action, &before));
        let left = scene.stack.replicas() == 0;
        outcome.step(action, &run, left);
        if left {
            return outcome.ended_by(action);
        }
    }
    outcome
}

fn all_suspended(night: &'static Night) -> Outcome {
    let scene = suspend(night, "15b", "offPeak.suspendAll=true");
    let actions = ["guard", "down"];
    for action in actions {
        scene.make_due(action, 1);
    }
    scene.add_canary();
    scene.await_canary();
    let mut outcome = Outcome::default();
    for action in actions {
        assert!(scene.jobs(action).is_empty(), "{action} is suspended");
        outcome.step(action, &Run::NotStarted, false);
    }
    assert_eq!(scene.stack.replicas(), 1);
    outcome
}

fn scaled_by_hand(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "16", &[]);
    scene.stack.scale_to(1);
    let run = scene.run("down");
    let mut outcome = Outcome::default();
    outcome.step("down", &run, scene.stack.replicas() == 0);
    assert_eq!(scene.stack.replicas(), 0, "{outcome:?}");
    outcome.with_end(Ended::NextDown)
}

fn late_up(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "17", &[]);
    let before = scene.jobs("up");
    scene.make_just_due("up", 0);
    let run = scene.end_of(&scene.next_job("up", &before));
    assert_eq!((run.code(), scene.stack.replicas()), (Some(0), 1), "{run:?}");
    scene.exporter.serve(Page::Whole(full()));
    Outcome::default().note("`up` starts it").then(scene.guard_then_down())
}

fn clock_change(_: &'static Night) -> Outcome {
    let [_, plan] = super::default_plans();
    assert!(plan.every_window_is_alike(), "the window of values/tts.yaml avoids both changes");
    Outcome::default().note("the window is as long in every night").with_end(Ended::Guarded)
}

fn lost_connections(night: &'static Night) -> Outcome {
    let scene = Scene::new(night, "20", &[]);
    scene.start_tenant();
    let port = lossy_proxy(night.cluster.port(), 2);
    let through = [("KUBERNETES_SERVICE_PORT", port.to_string())];
    night.kubelet.set(&scene.stack.namespace, &through);
    scene.guard_then_down()
}

/// A port that drops the first connections, and passes the others on to another port.
fn lossy_proxy(to: u16, lost: usize) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten().skip(lost) {
            let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
            for (from, into) in [(&client, &server), (&server, &client)] {
                let (mut from, mut into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ = copy(&mut from, &mut into);
                    let _ = into.shutdown(Shutdown::Write);
                });
            }
        }
    });
    port
}
