//! One file of the wiring, rendered from an embedded template.
//!
//! The templates lie in `templates/` beside this file and obey the rules of every template of the
//! project: an interpolation is a whole scalar. Comments above the first key become the file's
//! header; those further down explain the template and are dropped.

use kube_validate::AllowedKinds;
use minijinja::context;
use minijinja::value::Value as Context;
use yaml_spans::diagnostic::{Diagnostic, Diagnostics};
use yaml_spans::source::Sources;
use yaml_spans::{Dialect, Node};

use crate::templates::{self, Templates};

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("templates/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = embedded![
    "application.yaml.j2",
    "applicationset.yaml.j2",
    "appproject.yaml.j2",
    "client-patch.yaml.j2",
    "kustomization.yaml.j2",
    "plugin-configmap.yaml.j2",
    "plugin.yaml.j2",
    "repo-server-patch.yaml.j2",
    "source.yaml.j2",
    "substitution-patch.yaml.j2",
];

/// The note under an error in an object of the wiring.
const NOTE: &str = "in the wiring that `gitops` of the values describes";

/// One file of the wiring.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Its name under `--out`.
    pub file: String,
    /// Its text, comments first.
    pub text: String,
}

/// The embedded templates, ready to render.
pub(super) struct Renderer {
    templates: Templates,
    sources: Sources,
}

/// A rendered template.
pub(super) struct Rendered {
    /// The comments above the first key.
    pub header: String,
    pub node: Node,
}

impl Renderer {
    /// Loads the templates.
    ///
    /// # Errors
    /// An embedded template breaks a rule: a defect of this program.
    pub fn new() -> Result<Self, Diagnostics> {
        let mut sources = Sources::new();
        let templates = Templates::embedded(&mut sources, TEMPLATES)?;
        Ok(Renderer { templates, sources })
    }

    /// Renders a template that makes one YAML document.
    ///
    /// # Errors
    /// The template fails with these values, or does not make one document.
    pub fn render(&mut self, template: &str, context: &Context) -> Result<Rendered, Diagnostics> {
        let output = self.templates.render_named(template, &mut self.sources, context)?;
        let documents = yaml_spans::parse(&self.sources, output, Dialect::Strict)
            .map_err(|errors| self.diagnose(&errors))?;
        let broken = templates::partial_interpolations(&self.sources, output, &documents);
        let header =
            self.sources.get(output).text().lines().take_while(|line| line.starts_with('#'));
        let header = header.map(|line| format!("{line}\n")).collect();
        match (<[Node; 1]>::try_from(documents), broken.is_empty()) {
            (Ok([node]), true) => Ok(Rendered { header, node }),
            _ => Err(Diagnostic::new(format!("`{template}` does not make one document")).into()),
        }
    }

    /// Renders an object and validates it against its type.
    ///
    /// # Errors
    /// The template fails with these values, or makes an object that no API server takes.
    pub fn object(
        &mut self,
        file: impl Into<String>,
        template: &str,
        context: &Context,
    ) -> Result<Document, Diagnostics> {
        let rendered = self.render(template, context)?;
        self.validate(rendered.node.clone())?;
        Ok(rendered.into_document(file))
    }

    /// Renders a patch: a part of somebody else's object. The template is rendered a second time
    /// with `complete` set, when it adds what makes the patch a whole object that can be validated.
    ///
    /// # Errors
    /// As for [`Renderer::object`].
    pub fn patch(&mut self, template: &str, context: &Context) -> Result<Rendered, Diagnostics> {
        let complete = self.render(template, &context! { complete => true, ..context.clone() })?;
        self.validate(complete.node)?;
        self.render(template, &context! { complete => false, ..context.clone() })
    }

    /// Validates an object against its type.
    ///
    /// # Errors
    /// Every fault of the object: a defect of this program, or values that no controller takes.
    pub fn validate(&self, node: Node) -> Result<(), Diagnostics> {
        match kube_validate::validate(node, &AllowedKinds::none()) {
            Ok(_) => Ok(()),
            Err(errors) => {
                let Diagnostics(mut found) = self.diagnose(&errors);
                found.iter_mut().for_each(|diagnostic| diagnostic.notes.push(NOTE.to_owned()));
                Err(Diagnostics(found))
            }
        }
    }

    fn diagnose<E: std::fmt::Display>(
        &self,
        errors: &[yaml_spans::diagnostic::Located<E>],
    ) -> Diagnostics {
        Diagnostics(errors.iter().map(|error| error.diagnose(&self.sources)).collect())
    }
}

impl Rendered {
    /// The same with words put into the header for their placeholders: `@NAMESPACE@`.
    pub fn fill_header(mut self, words: &[(&str, &str)]) -> Self {
        self.header = fill_placeholders(&self.header, words);
        self
    }

    pub fn into_document(self, file: impl Into<String>) -> Document {
        Document { file: file.into(), text: self.header + &yaml_spans::emit(&self.node) }
    }
}

/// Puts words into a text that is not YAML to the template engine: comments and workflows. The
/// words come from values whose types allow no line break.
pub(super) fn fill_placeholders(text: &str, words: &[(&str, &str)]) -> String {
    words
        .iter()
        .fold(text.to_owned(), |text, (name, word)| text.replace(&format!("@{name}@"), word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_of_the_folder_is_embedded() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/gitops/templates");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, TEMPLATES.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        assert!(Renderer::new().is_ok());
    }
}
