//! OCI images without Docker.
//!
//! In: an [`Image`], its files in memory. Out: an image layout in a folder, the same bytes for the
//! same input on every machine; the same image in a registry; its digest.

mod binary;
mod credentials;
mod digest;
mod image;
mod inspect;
mod layer;
mod layout;
mod manifest;
mod reference;
mod refusal;
mod registry;

pub use binary::{Architecture, Binary, BinaryError, Package};
pub use credentials::{CredentialError, Login};
pub use digest::Digest;
pub use image::{About, Image};
pub use inspect::{File, InspectError, Inspection};
pub use layer::{Entry, EntryError};
pub use layout::{Blob, Layout, LayoutError};
pub use reference::{Reference, ReferenceError};
pub use refusal::RegistryError;
pub use registry::{Pushed, Registry, Step};
