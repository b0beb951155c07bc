//! The error of images, layouts, logins and references.

use std::error::Error;

/// The reason why an image, a layout, a login or a reference can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ImageError {
    message: String,
    #[source]
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ImageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        ImageError { message: message.into(), cause: None }
    }

    pub(crate) fn caused(
        message: impl Into<String>,
        cause: impl Error + Send + Sync + 'static,
    ) -> Self {
        ImageError { message: message.into(), cause: Some(Box::new(cause)) }
    }
}
