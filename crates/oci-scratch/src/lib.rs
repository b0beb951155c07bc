//! OCI images without Docker.
//!
//! In: an [`Image`], its files in memory. Out: an image layout in a folder, the same bytes for the
//! same input on every machine; the same image in a registry; its digest.

mod authentication;
mod binary;
mod credentials;
mod digest;
mod error;
mod image;
mod inspect;
mod layer;
mod layout;
mod manifest;
mod reference;
mod refusal;
mod registry;

pub use binary::{Architecture, Binary, BinaryError, Package};
pub use credentials::Login;
pub use digest::Digest;
pub use error::ImageError;
pub use image::{About, Image};
pub use inspect::{File, Inspection};
pub use layer::Entry;
pub use layout::{Blob, Layout};
pub use reference::Reference;
pub use refusal::RegistryError;
pub use registry::{PushStep, Registry, RemoteImage, RemotePlatform};
