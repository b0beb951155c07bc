//! A card that offers less than is counted with.

use super::{Look, Rule};
use crate::lint::case::{Case, Site};
use crate::model::{Message, Severity};
use crate::values::Bytes;

pub(super) const RULE: Rule = Rule {
    id: "card-total",
    severity: Severity::Critical,
    what: "`gpu.total` is more than a card of this size offers",
    why: "Free memory is counted too high by the difference: the server is admitted where there is no room, and the guard yields too late.",
    mend: "Set `gpu.total` to what `nvidia-smi --query-gpu=memory.total --format=csv` says, and look at the floor in the same change.",
    source: "docs/server.md; the table in src/lint/rules/card_total.rs holds what nvidia-smi reports as memory.total of each card",
    look: Look::Stack(look),
};

/// A card: how GPU feature discovery names its product, what it is sold as, and what it offers.
struct Card {
    product: &'static str,
    sold: Bytes,
    offers: Bytes,
}

const fn card(product: &'static str, sold_gib: u64, offers_mib: u64) -> Card {
    Card { product, sold: Bytes::new(sold_gib << 30), offers: Bytes::new(offers_mib << 20) }
}

/// memory.total of nvidia-smi; part of each is the driver's and the error correction's.
const CARDS: [Card; 5] = [
    card("Tesla-T4", 16, 15_360),
    card("NVIDIA-L4", 24, 23_034),
    card("NVIDIA-A10", 24, 23_028),
    card("NVIDIA-A10G", 24, 23_028),
    card("NVIDIA-L40S", 48, 46_068),
];

/// The node's label that names its card.
/// <https://github.com/NVIDIA/k8s-device-plugin/blob/main/docs/gpu-feature-discovery/README.md>
const PRODUCT: &str = "nvidia.com/gpu.product";

fn look(case: &Case<'_>) -> Vec<Site> {
    let total = case.values.gpu.total;
    let words = match case.values.server.node_selector.get(PRODUCT) {
        Some(product) => {
            // Shared, a card's product has a suffix: `Tesla-T4-SHARED`.
            let is_it = |card: &&Card| {
                let rest = product.strip_prefix(card.product);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            let known = CARDS.iter().find(is_it);
            known.filter(|card| total > card.offers).map(|card| {
                Message::of("The nodes have a ")
                    .code(product)
                    .and(", which offers ")
                    .code(mebibytes(card.offers))
                    .and(", less than ")
                    .code(total.to_string())
            })
        }
        // Which card it is nobody says; but this is the number on a box, which no card offers.
        None => CARDS.iter().find(|card| card.sold == total).map(|card| {
            Message::of("No card that is sold as ")
                .code(total.to_string())
                .and(" offers that much: a ")
                .code(card.product)
                .and(" has ")
                .code(mebibytes(card.offers))
        }),
    };
    words.map(|words| Site::value(["gpu", "total"], words)).into_iter().collect()
}

/// As nvidia-smi writes it.
fn mebibytes(bytes: Bytes) -> String {
    format!("{}Mi", bytes.get() >> 20)
}
