//! The bounds that keep a hostile text an ordinary error.

/// The largest text, in bytes. The largest manifests in use (the bundled custom resource
/// definitions of a big operator) are about 5 MiB; etcd takes objects up to 1.5 MiB.
pub const MAX_BYTES: usize = 8 << 20;

/// The deepest nesting of lists and maps. The deepest paths in use are those of schemas in custom
/// resource definitions, about 40; reading recurses, and this keeps it far from a thread's 2 MiB of
/// stack.
pub const MAX_DEPTH: usize = 64;

/// The most nodes that one text makes, aliases expanded: about 90 MB in the worst case, and ten times
/// what a bundle of many objects has.
pub const MAX_NODES: usize = 250_000;

/// The most errors that one text, or one value that is read, gives.
pub const MAX_ERRORS: usize = 20;
