//! A GPU total that is higher than the GPU's memory.

use super::{Check, Rule};
use crate::lint::context::{RuleContext, Violation};
use crate::lint::value_paths;
use crate::model::{Message, Severity};
use crate::values::{Bytes, Values};

pub(super) const RULE: Rule = Rule {
    id: "gpu-total",
    severity: Severity::Critical,
    summary: "`gpu.total` is more than a GPU of this size offers",
    rationale: "Free memory is calculated too high by the difference: the server starts without room for it, and the guard yields too late.",
    fix: "Set `gpu.total` to the value that `nvidia-smi --query-gpu=memory.total --format=csv` prints, and review `gate.floor` in the same change.",
    source: "docs/server.md; the table in src/lint/rules/gpu_total.rs lists the memory.total that nvidia-smi reports for each GPU",
    check: Check::Stack(gpu_total),
};

/// A GPU: its product name in GPU feature discovery, its nominal size, and the memory that it offers.
struct Gpu {
    product: &'static str,
    nominal: Bytes,
    offers: Bytes,
}

const fn gpu(product: &'static str, nominal_gib: u64, offers_mib: u64) -> Gpu {
    Gpu { product, nominal: Bytes::new(nominal_gib << 30), offers: Bytes::new(offers_mib << 20) }
}

/// The memory.total that nvidia-smi reports; the driver and the error correction use the rest.
const GPUS: [Gpu; 5] = [
    gpu("Tesla-T4", 16, 15_360),
    gpu("NVIDIA-L4", 24, 23_034),
    gpu("NVIDIA-A10", 24, 23_028),
    gpu("NVIDIA-A10G", 24, 23_028),
    gpu("NVIDIA-L40S", 48, 46_068),
];

/// The node label with the name of its GPU.
/// <https://github.com/NVIDIA/k8s-device-plugin/blob/main/docs/gpu-feature-discovery/README.md>
const PRODUCT: &str = "nvidia.com/gpu.product";

/// The GPU of the nodes that `server.nodeSelector` selects, if it is known.
fn selected_gpu(product: &str) -> Option<&'static Gpu> {
    // The product name of a shared GPU has a suffix: `Tesla-T4-SHARED`.
    GPUS.iter().find(|gpu| {
        let suffix = product.strip_prefix(gpu.product);
        suffix.is_some_and(|suffix| suffix.is_empty() || suffix.starts_with('-'))
    })
}

/// The memory that the GPU of the selected nodes offers, if it is known.
pub(super) fn offered_memory(values: &Values) -> Option<Bytes> {
    let product = values.server.node_selector.get(PRODUCT)?;
    Some(selected_gpu(product)?.offers)
}

fn gpu_total(context: &RuleContext<'_>) -> Vec<Violation> {
    let Some(total) = context.values.gpu.total else { return Vec::new() };
    let message = match context.values.server.node_selector.get(PRODUCT) {
        Some(product) => selected_gpu(product).filter(|gpu| total > gpu.offers).map(|gpu| {
            Message::of("The nodes have a ")
                .code(product)
                .and(", which offers ")
                .code(format_mebibytes(gpu.offers))
                .and(", less than ")
                .code(total.to_string())
        }),
        // The GPU is unknown, but this is a nominal size, which no GPU offers in full.
        None => GPUS.iter().find(|gpu| gpu.nominal == total).map(|gpu| {
            Message::of("No GPU with a nominal size of ")
                .code(total.to_string())
                .and(" offers that much: a ")
                .code(gpu.product)
                .and(" has ")
                .code(format_mebibytes(gpu.offers))
        }),
    };
    message
        .map(|message| Violation::at_value(value_paths::GPU_TOTAL, message))
        .into_iter()
        .collect()
}

/// An amount in the unit that nvidia-smi prints.
fn format_mebibytes(bytes: Bytes) -> String {
    format!("{}Mi", bytes.get() >> 20)
}
