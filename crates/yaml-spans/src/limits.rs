//! Limits that turn a hostile text into an ordinary error.

/// The size limit of a text, in bytes. The largest manifests in use (the bundled custom resource
/// definitions of a big operator) have about 5 MiB; etcd accepts objects of up to 1.5 MiB.
pub const MAX_BYTES: usize = 8 << 20;

/// [`MAX_BYTES`] in MiB, for messages.
pub(crate) const MAX_MEBIBYTES: usize = MAX_BYTES >> 20;

/// The nesting limit of lists and maps. The deepest paths in use are those of schemas in custom
/// resource definitions, about 40 levels. Reading recurses; this limit keeps it well within a
/// thread's 2 MiB of stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// The limit on the nodes of one text, with aliases expanded: about 90 MB in the worst case, and ten
/// times the nodes of a large bundle of objects.
pub(crate) const MAX_NODES: usize = 250_000;

/// The limit on the errors reported for one text, or for one value that is read.
pub const MAX_ERRORS: usize = 20;
