//! Markdown for a pull request's comment, often read on a phone: no tables, folded YAML, and never more
//! than a budget of bytes.
//!
//! The report says what it omits: first objects' YAML, then info findings, values, back-tests,
//! what is not judged, and warnings; critical findings last.

use super::shown::{
    FOLLOWS, NOT_JUDGED, change_lines, field_place, first_objects, is_checksum, is_long,
    not_judged_message, object_name, truncate,
};
use super::text::one_line;
use crate::diff::{Consequence, Diff, Difference, ObjectChange, ValuesChange};
use crate::model::{Message, Piece, Severity};
use yaml_spans::visible;

/// The last line, by which a script finds the comment to replace.
pub const MARKER: &str = "<!-- tts-render: diff -->";

/// The smallest budget: room for the headline, the notice of omissions and the marker.
pub const MIN_BUDGET: usize = 1_000;

/// The order in which blocks get space if not all fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Critical,
    Warning,
    Unjudged,
    BackTest,
    Values,
    Info,
    Object,
}

impl Rank {
    /// The words for some blocks of this rank in the notice of omissions.
    fn count_of(self, count: usize) -> String {
        let (one, many) = match self {
            Rank::Critical => ("critical finding", "critical findings"),
            Rank::Warning => ("warning", "warnings"),
            Rank::Unjudged => (
                "object with changes that are not judged",
                "objects with changes that are not judged",
            ),
            Rank::BackTest => ("back-test", "back-tests"),
            Rank::Values => ("changed value", "changed values"),
            Rank::Info => ("info", "info findings"),
            Rank::Object => ("object's YAML", "objects' YAML"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// A part of the report that is included as a whole or omitted.
struct Block {
    rank: Rank,
    section: &'static str,
    text: String,
}

/// The space that is kept for the notice of omissions, in bytes.
const NOTICE_BYTES: usize = 300;

/// Formats a diff as CommonMark with GitHub's folds, in at most `budget` bytes; a smaller budget than
/// [`MIN_BUDGET`] counts as that.
pub fn markdown(diff: &Diff, budget: usize) -> String {
    let head = format!("**{}**\n", diff.headline);
    let blocks = all_blocks(diff);
    let headings: usize = section_names(&blocks).iter().map(|section| section.len() + 8).sum();
    let frame = head.len() + MARKER.len() + 2 + NOTICE_BYTES + headings;
    let mut room = budget.max(MIN_BUDGET).saturating_sub(frame);
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|at| blocks[*at].rank);
    let mut kept = vec![false; blocks.len()];
    for at in order {
        if blocks[at].text.len() <= room {
            room -= blocks[at].text.len();
            kept[at] = true;
        }
    }
    let mut out = head;
    let mut section = "";
    for (block, _) in blocks.iter().zip(&kept).filter(|(_, kept)| **kept) {
        if block.section != section {
            section = block.section;
            out.push_str(&format!("\n### {section}\n\n"));
        }
        out.push_str(&block.text);
    }
    let omitted = blocks.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(block, _)| block.rank);
    out.push_str(&omission_notice(omitted, budget));
    out.push('\n');
    out.push_str(MARKER);
    out.push('\n');
    out
}

fn section_names(blocks: &[Block]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = blocks.iter().map(|block| block.section).collect();
    names.dedup();
    names
}

/// The notice of what is omitted, so that nobody takes the rest for everything.
fn omission_notice(omitted: impl Iterator<Item = Rank>, budget: usize) -> String {
    let mut counts: std::collections::BTreeMap<Rank, usize> = std::collections::BTreeMap::new();
    omitted.for_each(|rank| *counts.entry(rank).or_default() += 1);
    if counts.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = counts.iter().map(|(rank, count)| rank.count_of(*count)).collect();
    let bytes = budget.max(MIN_BUDGET);
    format!(
        "\n**Omitted to fit {bytes} bytes: {}.** `tts-render diff` shows all.\n",
        parts.join(", ")
    )
}

fn all_blocks(diff: &Diff) -> Vec<Block> {
    let mut blocks: Vec<Block> = diff.values.iter().flat_map(values_blocks).collect();
    for consequence in &diff.consequences {
        let rank = match consequence.rule.severity {
            Severity::Critical => Rank::Critical,
            Severity::Warning => Rank::Warning,
            Severity::Info => Rank::Info,
        };
        let text = consequence_item(consequence);
        blocks.push(Block { rank, section: "Consequences", text });
    }
    for one in &diff.not_judged {
        let name = code_span(&truncate(&object_name(&one.object)));
        let text = format!("- {name}: {}\n", message_markdown(&not_judged_message(one)));
        blocks.push(Block { rank: Rank::Unjudged, section: NOT_JUDGED, text });
    }
    for (index, test) in diff.backtests.iter().enumerate() {
        let target = code_span(&object_name(&test.target));
        let mut text =
            format!("- {target}: {}; {}\n", message_markdown(&test.message), test.assumption);
        if index == 0 {
            for remark in &diff.remarks {
                text.push_str(&format!("- history: {}\n", code_span(&visible(remark))));
            }
        }
        blocks.push(Block { rank: Rank::BackTest, section: "Back-test", text });
    }
    for change in &diff.objects {
        blocks.push(Block { rank: Rank::Object, section: "Objects", text: folded_object(change) });
    }
    blocks
}

/// A block for each changed field of a values file.
fn values_blocks(change: &ValuesChange) -> Vec<Block> {
    let file = visible(&change.file);
    let mut blocks = Vec::new();
    for field in &change.fields {
        let (path, names) = field_place(field);
        let names = if names.is_empty() { names } else { format!(" ({})", code_span(&names)) };
        let place = format!("- {} {}{names}", code_span(&file), code_span(&path));
        let text = match one_line(&field.change) {
            Some(short) => format!("{place}: {}\n", code_span(&short)),
            None if is_long(&change_lines(&field.change)) => {
                format!("\n{}", fold(&format!("{file} {path}"), &diff_lines(&field.change)))
            }
            None => format!("{place}\n\n{}\n", indent(&fence(&diff_lines(&field.change)))),
        };
        blocks.push(Block { rank: Rank::Values, section: "Values", text });
    }
    blocks
}

fn consequence_item(consequence: &Consequence) -> String {
    let (names, more) = first_objects(consequence);
    let names: Vec<String> = names.iter().map(|name| code_span(&truncate(name))).collect();
    format!(
        "- **{}** {}{more}: {} ({})\n",
        consequence.rule.severity.name(),
        names.join(", "),
        message_markdown(&consequence.message),
        code_span(consequence.rule.id)
    )
}

/// Formats a message. This program's own words are markdown already: a backtick in them opens a code
/// span.
fn message_markdown(message: &Message) -> String {
    message
        .pieces()
        .iter()
        .map(|piece| match piece {
            Piece::Plain(text) => text.clone(),
            Piece::Code(text) => code_span(&truncate(text)),
        })
        .collect()
}

fn folded_object(change: &ObjectChange) -> String {
    let mut body = String::new();
    for field in &change.fields {
        let (path, names) = field_place(field);
        if is_checksum(field) {
            body.push_str(&format!("@ {path} ({FOLLOWS})\n"));
            continue;
        }
        if !field.path.is_root() {
            let names = if names.is_empty() { names } else { format!(" ({names})") };
            body.push_str(&format!("@ {path}{names}\n"));
        }
        body.push_str(&diff_lines(&field.change));
    }
    fold(&format!("{} {}", change.kind().name(), object_name(&change.id)), &body)
}

/// Lines that are hidden until the reader opens them.
fn fold(title: &str, body: &str) -> String {
    let title = super::html::escape(title);
    format!("<details><summary><code>{title}</code></summary>\n\n{}\n</details>\n\n", fence(body))
}

fn diff_lines(change: &Difference) -> String {
    change_lines(change).iter().map(|line| format!("{}{}\n", line.sign, line.text)).collect()
}

/// Formats any text as a code span: with one backtick more than the longest run of them in the text
/// (CommonMark 6.1), and with a space where a backtick would touch them.
fn code_span(text: &str) -> String {
    if text.is_empty() {
        return "` `".to_owned();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A fenced code block that its text can't close.
fn fence(text: &str) -> String {
    let ticks = "`".repeat((longest_run(text) + 1).max(3));
    format!("{ticks}diff\n{text}{ticks}\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
