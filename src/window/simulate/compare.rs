//! Several settings of one stack over one history.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use kube_validate::ObjectId;
use vram_gate::decision::{Attribution, free_bytes};
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};

use super::{Outcome, SegmentCache, Stage, TenantChoice, TenantMemory, timestamp};
use crate::project::Project;
use crate::project::load::Request;
use crate::report::count_of;
use crate::values::Assignment;
use crate::window::amount::format_bytes;
use crate::window::history::History;
use crate::window::stack::StackGate;

/// Another setting to compare with.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// Its name: the assignments as they were written.
    pub name: String,
    /// The assignments, stronger than all other layers.
    pub assignments: Vec<Assignment>,
}

impl std::str::FromStr for Comparison {
    type Err = String;

    /// Parses assignments as `--set` takes them, with `;` between them.
    fn from_str(text: &str) -> Result<Self, String> {
        let assignments = text.split(';').map(|part| Assignment::parse(part.trim()));
        let assignments = assignments.collect::<Result<Vec<_>, _>>();
        let assignments = assignments.map_err(|error| error.to_string())?;
        Ok(Comparison { name: text.to_owned(), assignments })
    }
}

/// The memory of the tenant in a replay.
#[derive(Debug, Clone, Copy, Default)]
pub struct TenantFlags {
    /// The amount, or the recorded one.
    pub choice: TenantChoice,
    /// The milliseconds in which it rises.
    pub rise: i64,
}

/// The inputs of a simulation besides the stack.
#[derive(Debug, Clone, Copy)]
pub struct Replayed<'h, 'f> {
    /// The history.
    pub history: &'h History,
    /// The tenant's memory.
    pub tenant: TenantFlags,
    /// The days on which the nights' windows open, on the clock of `up`; empty for every day.
    pub days: &'f [Date],
}

/// The replays of a history under several settings of one stack.
#[derive(Debug, Clone)]
pub struct Simulation<'a> {
    /// The stack's name.
    pub stack: String,
    /// The object that its gate scales.
    pub target: ObjectId,
    /// The history.
    pub history: &'a History,
    /// The tenant's memory, by the first setting.
    pub tenant: TenantMemory,
    /// The origin of that amount, in words.
    pub tenant_origin: String,
    /// The settings, the stack's own first.
    pub settings: Vec<Simulated<'a>>,
    /// The facts that a reader of the figures must know, as sentences without a full stop.
    pub warnings: Vec<String>,
}

/// One setting and its replay.
#[derive(Debug, Clone)]
pub struct Simulated<'a> {
    /// Its name.
    pub name: String,
    /// The result.
    pub outcome: Outcome,
    pub(crate) stage: Stage<'a>,
}

/// The name of the stack's own settings.
const CURRENT: &str = "current";

impl<'a> Simulation<'a> {
    /// Renders a stack with each setting, and replays the history.
    ///
    /// # Errors
    /// Those of rendering, and a history that can't be replayed.
    pub fn run(
        project: &Project,
        request: &Request,
        comparisons: &[Comparison],
        replayed: Replayed<'a, '_>,
    ) -> Result<Self, Diagnostics> {
        let Replayed { history, tenant, days } = replayed;
        let mut cache = SegmentCache::default();
        let current = StackGate::render(project, request)?;
        let mut stage = new_stage(&current, history, &mut cache)?;
        stage.retain_days(days);
        let memory = TenantMemory::choose(tenant.choice, tenant.rise, &stage.recorded);
        let outcome = stage.replay(&memory);
        let warnings = warnings(&stage, &memory);
        let mut settings = vec![Simulated { name: CURRENT.to_owned(), outcome, stage }];
        for comparison in comparisons {
            let mut request = request.clone();
            request.assignments.extend(comparison.assignments.iter().cloned());
            let gate = StackGate::render(project, &request)?;
            let stage = new_stage(&gate, history, &mut cache);
            let mut stage = stage.map_err(|Diagnostics(errors)| {
                let note = format!("in the setting `{}`", comparison.name);
                Diagnostics(errors.into_iter().map(|error| error.note(note.clone())).collect())
            })?;
            stage.retain_days(days);
            let outcome = stage.replay(&memory);
            settings.push(Simulated { name: comparison.name.clone(), outcome, stage });
        }
        Ok(Simulation {
            stack: current.stack,
            target: current.target,
            history,
            tenant_origin: describe_tenant(tenant, &memory),
            tenant: memory,
            settings,
            warnings,
        })
    }

    /// The stack's own settings.
    pub(crate) fn current(&self) -> Option<&Simulated<'a>> {
        self.settings.first()
    }
}

pub(crate) fn new_stage<'a>(
    gate: &StackGate,
    history: &'a History,
    cache: &mut SegmentCache,
) -> Result<Stage<'a>, Diagnostics> {
    Stage::new(&gate.gate, gate.reaction, history, cache).map_err(|error| {
        Diagnostic::new(format!("`{}` can't be replayed: {error}", gate.stack)).into()
    })
}

pub(crate) fn describe_tenant(flags: TenantFlags, memory: &TenantMemory) -> String {
    let peak = format_bytes(memory.peak());
    let over = match flags.rise {
        0 => String::new(),
        rise => format!(", after {} s", rise / 1000),
    };
    match (flags.choice, memory) {
        (TenantChoice::Peak, _) if memory.peak() == 0 => {
            "the history has no memory of the tenant, so it is assumed to use none".to_owned()
        }
        (TenantChoice::Peak, _) => {
            format!("the tenant is assumed to use its recorded peak, {peak}")
        }
        (TenantChoice::Recorded, _) => {
            format!("the tenant uses what it used in its recorded runs, at most {peak}")
        }
        (_, TenantMemory::Ramp { from, .. }) if *from != memory.peak() => {
            format!("the tenant uses {} at its start and {peak}{over}", format_bytes(*from))
        }
        _ => format!("the tenant uses {peak}"),
    }
}

/// The facts about a history that make its figures weaker.
pub(crate) fn warnings(stage: &Stage<'_>, tenant: &TenantMemory) -> Vec<String> {
    let mut warnings = stage.recorded.history().notes.clone();
    if tenant.peak() == 0 {
        warnings.push("without its memory no night can starve: give `--tenant`".to_owned());
    }
    if stage.empty_windows > 0 {
        let count = count_of(stage.empty_windows, "window has", "windows have");
        warnings.push(format!("{count} no sample, and do not count as nights"));
    }
    let rules = stage.up.or(stage.guard).map(|job| job.rules);
    let Some(rules) = rules else { return warnings };
    if rules.attribution == Attribution::None {
        warnings.push(
            "nothing attributes memory: recorded memory of the tenant counts as the others'"
                .to_owned(),
        );
    }
    let (mut with_hole, mut refused, mut over) = (0, None, 0);
    for night in &stage.nights {
        let in_window = night.segments.iter().filter(|segment| segment.start < night.closes);
        let unread = in_window.clone().find(|segment| segment.usage.is_none());
        with_hole += usize::from(unread.is_some());
        if let (Some(segment), None) = (unread, &refused) {
            refused = stage.recorded.usage(segment.start).err();
        }
        over += usize::from(
            in_window
                .filter_map(|segment| segment.usage)
                .any(|usage| free_bytes(&rules, &usage, usage.everyone()) < 0),
        );
    }
    if with_hole > 0 {
        let nights = count_of(with_hole, "night has", "nights have");
        warnings.push(format!("{nights} times without a reading, as if the gate had none"));
    }
    if let Some(fault) = refused {
        warnings.push(format!("the gate would refuse recorded readings: {fault}"));
    }
    if over > 0 {
        let nights = count_of(over, "night", "nights");
        warnings.push(format!(
            "in {nights} more memory was in use than the GPU has: `gpu.total` is too low, or several GPUs are added up"
        ));
    }
    warnings
}

/// The time of day at an instant: `03:40`, with seconds if there are any.
pub(crate) fn clock_time(at: i64, zone: &TimeZone) -> String {
    let time = timestamp(at).to_zoned(zone.clone());
    let format = if time.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    time.strftime(format).to_string()
}
