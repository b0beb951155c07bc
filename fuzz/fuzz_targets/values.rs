//! Any texts as the layers of a stack's values. It must not panic, errors must be printable, and
//! accepted values must mean the same when written as one file, and never become YAML structure. Run by
//! `fuzz/run.sh`.
//!
//! The layers follow each other, separated by ASCII's record separator, which YAML does not allow: the
//! values file first, then overlays. A layer that starts with `=` is an assignment.

#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use yaml_spans::diagnostic::Diagnostics;
use kube_validate::AllowedKinds;
use tts_render::budget::Budget;
use tts_render::templates::{self, Templates};
use yaml_spans::source::{Source, Sources};
use tts_render::values::{Assignment, Layers, Loaded};
use yaml_spans::{self, Dialect};

const SEPARATOR: char = '\u{1e}';
const STEM: &str = "tts";

/// The built-in templates, and the sources that contain them.
fn templates() -> &'static (Sources, Templates) {
    static TEMPLATES: OnceLock<(Sources, Templates)> = OnceLock::new();
    TEMPLATES.get_or_init(|| {
        let mut sources = Sources::new();
        let templates = Templates::load(&mut sources, Vec::new()).expect("built in");
        (sources, templates)
    })
}

fn load(sources: &mut Sources, texts: &[&str]) -> Result<Loaded, Diagnostics> {
    let mut add = |text: &&str| sources.add(Source::written("values", *text));
    let base = add(&texts[0]);
    let (assignments, overlays): (Vec<&str>, Vec<&str>) =
        texts[1..].iter().partition(|text| text.starts_with('='));
    let layers = Layers {
        overlays: overlays.iter().map(&mut add).collect(),
        assignments: assignments.iter().filter_map(|a| Assignment::parse(&a[1..]).ok()).collect(),
    };
    Loaded::load(sources, base, Path::new(STEM), &layers, &Budget::default())
}

fuzz_target!(|input: &str| {
    let texts: Vec<&str> = input.split(SEPARATOR).collect();
    let (base, templates) = templates();
    let mut sources = base.clone();
    let loaded = match load(&mut sources, &texts) {
        Ok(loaded) => loaded,
        Err(errors) => {
            assert!(!errors.0.is_empty());
            assert!(!errors.to_string().is_empty());
            return;
        }
    };

    // The merged layers, written as one file, are the same values.
    let written = yaml_spans::emit(&loaded.tree);
    let again = load(&mut base.clone(), &[&written]).expect("merged values are valid");
    assert_eq!(again.tree, loaded.tree, "{written}");
    assert_eq!(again.values, loaded.values, "{written}");
    // Applying an overlay twice changes nothing more.
    if let [_, overlay] = texts[..]
        && !overlay.starts_with('=')
    {
        let twice = load(&mut base.clone(), &[texts[0], overlay, overlay])
            .expect("the overlay can be applied twice");
        assert_eq!(twice.tree, loaded.tree);
    }

    let context = templates::context(&loaded).expect("values are data");
    let outputs = match templates.render(&mut sources, &context, &Budget::default()) {
        Ok(outputs) => outputs,
        // A limit: the template wrote too much, or took too many steps.
        Err(errors) => {
            let is_limit = |message: &str| message.starts_with("the template ");
            assert!(errors.0.iter().all(|error| is_limit(&error.message.to_string())), "{errors}");
            return;
        }
    };
    for output in outputs {
        let text = sources.get(output).text();
        let documents = yaml_spans::parse(&sources, output, Dialect::Strict)
            .unwrap_or_else(|errors| panic!("{:?}\n{text}", errors[0].error));
        assert_eq!(templates::partial_interpolations(&sources, output, &documents), [], "{text}");
        for document in documents {
            if let Err(errors) = kube_validate::validate(document, &AllowedKinds::none()) {
                assert!(!errors.is_empty());
                errors.iter().for_each(|error| drop(error.diagnose(&sources)));
            }
        }
    }
});
