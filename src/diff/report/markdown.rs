//! For a pull request's comment, on a phone as often as not: no tables, the YAML folded, and never
//! more than a budget of bytes.
//!
//! What is left out is said. Critical findings go last: the YAML of single objects is left out first, then
//! notes, values, the back-test and warnings.

use super::shown::{brief, is_long, lines, name, named, place};
use super::text::one_line;
use crate::diff::{Consequence, ObjectChange, Review};
use crate::model::{Message, Piece, Severity};
use crate::report::visible;

/// The last line: who replaces a comment looks for it.
pub const MARKER: &str = "<!-- tts-render: diff -->";

/// The least budget that the headline, what is left out, and the marker need.
pub const LEAST_BUDGET: usize = 1_000;

/// How much a block matters when not all fit; the first go in first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Critical,
    Warning,
    BackTest,
    Values,
    Info,
    Object,
}

impl Rank {
    /// What the notice calls blocks of it.
    fn name(self, count: usize) -> String {
        let (one, many) = match self {
            Rank::Critical => ("critical finding", "critical findings"),
            Rank::Warning => ("warning", "warnings"),
            Rank::BackTest => ("back-test", "back-tests"),
            Rank::Values => ("changed value", "changed values"),
            Rank::Info => ("info", "info findings"),
            Rank::Object => ("object's YAML", "objects' YAML"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// A piece that is there whole or not at all.
struct Block {
    rank: Rank,
    section: &'static str,
    text: String,
}

/// What the notice may take.
const NOTICE: usize = 300;

/// The review as CommonMark with GitHub's folds, in at most `budget` bytes; less than
/// [`LEAST_BUDGET`] is taken for that.
pub fn markdown(review: &Review, budget: usize) -> String {
    let head = format!("**{}**\n", review.headline);
    let blocks = blocks(review);
    let sections: usize = sections(&blocks).iter().map(|section| section.len() + 8).sum();
    let frame = head.len() + MARKER.len() + 2 + NOTICE + sections;
    let mut room = budget.max(LEAST_BUDGET).saturating_sub(frame);
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
    let lost = blocks.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(block, _)| block.rank);
    out.push_str(&notice(lost, budget));
    out.push('\n');
    out.push_str(MARKER);
    out.push('\n');
    out
}

fn sections(blocks: &[Block]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = blocks.iter().map(|block| block.section).collect();
    names.dedup();
    names
}

/// What is left out, so that nobody takes the rest for all.
fn notice(lost: impl Iterator<Item = Rank>, budget: usize) -> String {
    let mut counts: std::collections::BTreeMap<Rank, usize> = std::collections::BTreeMap::new();
    lost.for_each(|rank| *counts.entry(rank).or_default() += 1);
    if counts.is_empty() {
        return String::new();
    }
    let parts: Vec<String> = counts.iter().map(|(rank, count)| rank.name(*count)).collect();
    let bytes = budget.max(LEAST_BUDGET);
    format!(
        "\n**Left out to fit {bytes} bytes: {}.** `tts-render diff` shows all.\n",
        parts.join(", ")
    )
}

fn blocks(review: &Review) -> Vec<Block> {
    let mut blocks = Vec::new();
    for change in &review.values {
        for field in &change.fields {
            let (path, names) = place(field);
            let names = if names.is_empty() { names } else { format!(" ({})", code(&names)) };
            let at = format!("- {} {}{names}", code(&visible(&change.file)), code(&path));
            let text = match one_line(field.change.before(), field.change.after()) {
                Some(short) => format!("{at}: {}\n", code(&short)),
                None if is_long(&lines(&field.change)) => {
                    let title = format!("{} {path}", visible(&change.file));
                    format!("\n{}", fold(&title, &lines_text(&field.change)))
                }
                None => format!("{at}\n\n{}\n", indent(&fence(&lines_text(&field.change)))),
            };
            blocks.push(Block { rank: Rank::Values, section: "Values", text });
        }
    }
    for found in &review.consequences {
        let rank = match found.rule.severity {
            Severity::Critical => Rank::Critical,
            Severity::Warning => Rank::Warning,
            Severity::Info => Rank::Info,
        };
        blocks.push(Block { rank, section: "Consequences", text: consequence(found) });
    }
    for (at, test) in review.backtests.iter().enumerate() {
        let mut text = format!(
            "- {}: {}; {}\n",
            code(&name(&test.target)),
            sentence(&test.words),
            test.assumed
        );
        if at == 0 {
            review.remarks.iter().for_each(|remark| {
                text.push_str(&format!("- history: {}\n", code(&visible(remark))));
            });
        }
        blocks.push(Block { rank: Rank::BackTest, section: "Back-test", text });
    }
    for change in &review.objects {
        blocks.push(Block { rank: Rank::Object, section: "Objects", text: object(change) });
    }
    blocks
}

fn consequence(found: &Consequence) -> String {
    let (names, more) = named(found);
    let names: Vec<String> = names.iter().map(|name| code(&brief(name))).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "- **{}** {}{more}: {} ({})\n",
        found.rule.severity.name(),
        names.join(", "),
        sentence(&found.words),
        code(found.rule.id)
    )
}

/// A sentence: our own words are markdown already (a backtick in them opens a code span).
fn sentence(words: &Message) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(text) => text.clone(),
        Piece::Code(text) => code(&brief(text)),
    };
    words.pieces().iter().map(piece).collect()
}

/// One object, folded.
fn object(change: &ObjectChange) -> String {
    let mut body = String::new();
    for field in &change.fields {
        let (path, names) = place(field);
        if !field.path.is_root() {
            let names = if names.is_empty() { names } else { format!(" ({names})") };
            body.push_str(&format!("@ {path}{names}\n"));
        }
        body.push_str(&lines_text(&field.change));
    }
    fold(&format!("{} {}", change.fate().name(), name(&change.id)), &body)
}

/// Lines that are shown when somebody opens them.
fn fold(title: &str, body: &str) -> String {
    let title = super::html::escape(title);
    format!("<details><summary><code>{title}</code></summary>\n\n{}\n</details>\n\n", fence(body))
}

fn lines_text(change: &crate::diff::Change) -> String {
    lines(change).iter().map(|line| format!("{}{}\n", line.sign, line.text)).collect()
}

/// A code span that holds a text whatever backticks it has: fenced by one more than its longest run
/// (CommonMark 6.1), with a space where a backtick would touch the fence.
fn code(text: &str) -> String {
    if text.is_empty() {
        return "` `".to_owned();
    }
    let ticks = "`".repeat(longest_run(text) + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// A fenced block that its text can't close.
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
