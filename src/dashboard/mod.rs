//! A Grafana dashboard of one stack: the GPU's memory by owner, what the gate decided, and how the server
//! started.
//!
//! In: the values that the panels are about. Out: the dashboard in Grafana's classic JSON model, with sorted
//! keys, and without a time or a random identifier: the same values give the same bytes.

use oci_scratch::Digest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::promql::{Memory, StackMetrics};
use crate::values::{Count, Dashboard, TimeSpan};

/// The version of the JSON model: that of Grafana 10.4 and 11. A later Grafana converts it.
const SCHEMA_VERSION: u32 = 39;
/// The longest identifier that Grafana accepts.
/// Source: the HTTP API's reference on dashboards, "Identifier (id) vs unique identifier (uid)".
const MAX_UID: usize = 40;
/// The digits of a name's hash that take the place of its end in an identifier.
const UID_HASH: usize = 12;
/// The time for which an event is true in its query. Grafana asks for at most 11,000 points, so that the step of
/// a month is five minutes: an event that is no longer than the step and a scrape would be missed.
const EVENT: TimeSpan = TimeSpan::from_minutes(10);
/// The time after a run of `up` at which a server that was not started counts as such.
const START: TimeSpan = TimeSpan::from_minutes(5);
/// The span of the dashboard's time range, which Grafana fills in.
const RANGE: &str = "$__range";

/// The values that the dashboard is about.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The stack.
    pub stack: StackMetrics,
    /// The settings of the dashboard.
    pub dashboard: Dashboard,
}

/// A query of a panel.
struct Query {
    expr: String,
    legend: String,
    kind: QueryKind,
}

/// The part of the time range that a query is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum QueryKind {
    /// Its end; the expression itself covers the range.
    Instant,
    /// Each step of it.
    Range,
}

/// A panel; its place is left, top, width and height on a grid with 24 columns.
struct Panel {
    kind: &'static str,
    title: &'static str,
    description: String,
    place: [u32; 4],
    queries: Vec<Query>,
    /// The fields' unit, and how they are drawn.
    defaults: Value,
    overrides: Vec<Value>,
    options: Value,
}

/// Events that are marked in every panel with a time axis.
struct Event {
    name: &'static str,
    color: &'static str,
    expr: String,
    title: &'static str,
    text: &'static str,
}

/// Makes the dashboard.
pub fn dashboard(input: &Input) -> Value {
    let builder = Builder { stack: &input.stack, settings: &input.dashboard };
    let stack = &input.stack;
    let variables = match input.dashboard.data_source {
        Some(_) => Vec::new(),
        None => vec![json!({
            "name": "datasource",
            "label": "Data source",
            "type": "datasource",
            "query": "prometheus",
            "refresh": 1,
        })],
    };
    let panels: Vec<Value> =
        (1..).zip(builder.panels()).map(|(id, panel)| builder.panel(id, panel)).collect();
    let events: Vec<Value> =
        builder.events().into_iter().map(|event| builder.annotation(event)).collect();
    json!({
        "uid": uid(&stack.name),
        "title": format!("{}: off-peak window", stack.name),
        "description": format!(
            "{}: the GPU's memory by owner, what the gate decided, and how the server started.",
            stack.server()
        ),
        "tags": ["gpu", "off-peak", "tts-render"],
        "schemaVersion": SCHEMA_VERSION,
        "timezone": stack.time_zone,
        "time": {"from": "now-7d", "to": "now"},
        "refresh": "5m",
        "editable": true,
        // One crosshair for all panels.
        "graphTooltip": 1,
        "templating": {"list": variables},
        "annotations": {"list": events},
        "panels": panels,
    })
}

/// The dashboard's identifier: the same for a stack in every run.
fn uid(name: &str) -> String {
    let uid = format!("tts-render-{name}");
    if uid.len() <= MAX_UID {
        return uid;
    }
    let kept: String = uid.chars().take(MAX_UID - UID_HASH - 1).collect();
    format!("{kept}-{}", &Digest::of(name.as_bytes()).hex()[..UID_HASH])
}

struct Builder<'a> {
    stack: &'a StackMetrics,
    settings: &'a Dashboard,
}

impl Builder<'_> {
    fn panels(&self) -> Vec<Panel> {
        vec![self.memory(), self.nights(), self.time_to_ready(), self.failed_runs()]
    }

    fn memory(&self) -> Panel {
        let memory = Memory::new(self.stack);
        let floor = self.stack.gate.floor;
        let counted = match self.stack.gate.count.unwrap_or_default() {
            Count::Residents => "the others",
            Count::Everyone => "all together",
        };
        let mut queries: Vec<Query> =
            memory.by_owner().into_iter().map(|(expr, legend)| range_query(expr, legend)).collect();
        let mut overrides = vec![json!({
            "matcher": {"id": "byName", "options": self.stack.namespace},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": "orange"}}],
        })];
        if let Some(total) = memory.total() {
            let limit = format!("{total} - {}", floor.get());
            for (expr, legend, color) in [
                (total, "total".to_owned(), "red"),
                (limit, format!("total less the floor of {floor}"), "yellow"),
            ] {
                overrides.push(line_override(queries.len(), color));
                queries.push(range_query(expr, legend));
            }
        }
        Panel {
            kind: "timeseries",
            title: "GPU memory by owner",
            description: format!(
                "The server starts while all together use no more than the total less the floor of {floor}. The guard stops it when {counted} use more."
            ),
            place: [0, 0, 24, 11],
            queries,
            defaults: json!({
                "unit": "bytes",
                "min": 0,
                "custom": {
                    "drawStyle": "line",
                    "lineWidth": 1,
                    "fillOpacity": 30,
                    "showPoints": "never",
                    "spanNulls": false,
                    "stacking": {"mode": "normal", "group": "A"},
                },
            }),
            overrides,
            options: time_series_options(),
        }
    }

    fn nights(&self) -> Panel {
        // `down` does not run in a window: the time of its last run names the window.
        let window = self.stack.last_run(self.stack.down());
        let (outside, replicas) = (self.stack.outside_window(), self.stack.replicas());
        let zero = self.stack.zero(self.stack.down(), RANGE);
        let count = |expr: String| format!("changes(\n({expr})[{RANGE}:1m]) + 1\nor {zero}");
        let queries = vec![
            instant_query(
                count(format!("{window}\nand on () {replicas} > 0\nunless on () (\n{outside}\n)")),
                "nights served",
            ),
            instant_query(count(format!("{window}\nunless on () (\n{outside}\n)")), "windows"),
            instant_query(
                format!("count_over_time(({replicas} > 0)[{RANGE}:1m]) / 60\nor {zero}"),
                "hours up",
            ),
        ];
        Panel {
            kind: "stat",
            title: "Nights served",
            description: "Windows in the time range, those in which the server was up for a minute or longer, and the hours in which it was up.".to_owned(),
            place: [0, 11, 8, 8],
            queries,
            defaults: json!({"decimals": 0, "color": {"mode": "fixed", "fixedColor": "text"}}),
            overrides: vec![json!({
                "matcher": {"id": "byName", "options": "hours up"},
                "properties": [{"id": "decimals", "value": 1}],
            })],
            options: stat_options(),
        }
    }

    fn time_to_ready(&self) -> Panel {
        Panel {
            kind: "timeseries",
            title: "Time to ready",
            description: "The time from the creation of the server's Pod until it was ready for the first time, for as long as the Pod exists.".to_owned(),
            place: [8, 11, 8, 8],
            queries: vec![range_query(self.stack.time_to_ready(), "time to ready".to_owned())],
            defaults: json!({
                "unit": "s",
                "min": 0,
                "custom": {
                    "drawStyle": "line",
                    "lineWidth": 2,
                    "fillOpacity": 10,
                    // A Pod that lived for one step of the query is one point, which no line shows.
                    "showPoints": "auto",
                    "spanNulls": false,
                },
            }),
            overrides: Vec::new(),
            options: time_series_options(),
        }
    }

    fn failed_runs(&self) -> Panel {
        let queries = self.stack.cron_jobs().into_iter().map(|name| {
            let failed = self.stack.failed_runs(&[name], RANGE);
            let zero = self.stack.zero(name, RANGE);
            instant_query(format!("sum({failed})\nor {zero}"), name)
        });
        Panel {
            kind: "stat",
            title: "Failed runs of the gate",
            description: format!(
                "Runs that failed in the time range. `tts-render status {}` has their causes.",
                self.stack.name
            ),
            place: [16, 11, 8, 8],
            queries: queries.collect(),
            defaults: json!({
                "decimals": 0,
                "color": {"mode": "thresholds"},
                "thresholds": {
                    "mode": "absolute",
                    "steps": [{"color": "green", "value": null}, {"color": "red", "value": 1}],
                },
            }),
            overrides: Vec::new(),
            options: stat_options(),
        }
    }

    fn events(&self) -> [Event; 5] {
        let outside = self.stack.outside_window();
        let replicas = self.stack.replicas();
        let up = self.stack.last_run(self.stack.up());
        let event = EVENT.to_string();
        let (early, late) = (START.as_secs(), START.as_secs() + EVENT.as_secs());
        let least = self.stack.replicas_over_time("min", &event, "1m");
        let most = self.stack.replicas_over_time("max", &event, "1m");
        let most_since = self.stack.replicas_over_time("max", &format!("{late}s"), "1m");
        [
            Event {
                name: "Window",
                color: "blue",
                expr: format!("{up}\nunless on () (\n{outside}\n)"),
                title: "window",
                text: "from the run of `up` to the run of `down`",
            },
            Event {
                name: "Started",
                color: "green",
                expr: format!("{replicas} > 0\nand on () {least} == 0"),
                title: "started",
                text: "the server was started",
            },
            Event {
                name: "Yielded",
                color: "orange",
                expr: format!(
                    "{most} > 0\nunless on () {replicas} > 0\nunless on () (\n{outside}\n)"
                ),
                title: "yielded",
                text: "the server was stopped in its window: by the guard, or by hand",
            },
            Event {
                name: "Not started",
                color: "purple",
                expr: format!("(time() - {up} >= {early}) < {late}\nand on () {most_since} == 0"),
                title: "not started",
                text: "`up` ran five minutes ago, and the server was not started",
            },
            Event {
                name: "Failed run",
                color: "red",
                expr: format!("{} > 0", self.stack.failed_runs(&self.stack.cron_jobs(), &event)),
                title: "{{owner_name}} failed",
                text: "a run of the gate failed",
            },
        ]
    }

    fn data_source(&self) -> Value {
        let uid = self.settings.data_source.as_deref().unwrap_or("${datasource}");
        json!({"type": "prometheus", "uid": uid})
    }

    fn panel(&self, id: u32, panel: Panel) -> Value {
        let [left, top, width, height] = panel.place;
        let targets: Vec<Value> = panel
            .queries
            .into_iter()
            .enumerate()
            .map(|(number, query)| {
                json!({
                    "refId": ref_id(number),
                    "datasource": self.data_source(),
                    "editorMode": "code",
                    "expr": query.expr,
                    "legendFormat": query.legend,
                    "instant": query.kind == QueryKind::Instant,
                    "range": query.kind == QueryKind::Range,
                })
            })
            .collect();
        json!({
            "id": id,
            "type": panel.kind,
            "title": panel.title,
            "description": panel.description,
            "datasource": self.data_source(),
            "gridPos": {"x": left, "y": top, "w": width, "h": height},
            // No step is shorter than the usual interval of scrapes.
            "interval": "1m",
            "targets": targets,
            "fieldConfig": {"defaults": panel.defaults, "overrides": panel.overrides},
            "options": panel.options,
        })
    }

    fn annotation(&self, event: Event) -> Value {
        json!({
            "name": event.name,
            "datasource": self.data_source(),
            "enable": true,
            "iconColor": event.color,
            "expr": event.expr,
            "step": "60s",
            "titleFormat": event.title,
            "textFormat": event.text,
        })
    }
}

fn range_query(expr: String, legend: String) -> Query {
    Query { expr, legend, kind: QueryKind::Range }
}

fn instant_query(expr: String, legend: &str) -> Query {
    Query { expr, legend: legend.to_owned(), kind: QueryKind::Instant }
}

/// The letter of a panel's query. No panel has more than a few.
fn ref_id(number: usize) -> String {
    char::from(b'A' + number as u8).to_string()
}

/// Draws the series of a query as a dashed line that is not stacked on the others.
fn line_override(query: usize, color: &str) -> Value {
    json!({
        "matcher": {"id": "byFrameRefID", "options": ref_id(query)},
        "properties": [
            {"id": "color", "value": {"mode": "fixed", "fixedColor": color}},
            {"id": "custom.fillOpacity", "value": 0},
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
            {"id": "custom.stacking", "value": {"mode": "none", "group": "A"}},
        ],
    })
}

fn time_series_options() -> Value {
    json!({
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    })
}

fn stat_options() -> Value {
    json!({
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "showPercentChange": false,
        "textMode": "value_and_name",
        "wideLayout": true,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_at_most_40_characters_and_names_one_stack() {
        assert_eq!(uid("tts"), "tts-render-tts");
        let long = "a".repeat(63);
        let other = format!("{}b", "a".repeat(62));
        assert_eq!((uid(&long).len(), uid(&other).len()), (MAX_UID, MAX_UID));
        assert_ne!(uid(&long), uid(&other));
        let fits = "a".repeat(29);
        assert_eq!(uid(&fits), format!("tts-render-{fits}"));
    }
}
