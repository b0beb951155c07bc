//! The templates that are used unless a repository has its own.

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/", $name)))),*]
    };
}

/// Each built-in template: the name of its file in `templates/`, and its text.
pub const BUILT_IN: &[(&str, &str)] = templates![
    "alerts.yaml.j2",
    "client-configmap.yaml.j2",
    "configmap.yaml.j2",
    "cronjob.yaml.j2",
    "dashboard.yaml.j2",
    "deployment.yaml.j2",
    "httproute.yaml.j2",
    "ingress.yaml.j2",
    "namespace.yaml.j2",
    "persistentvolume.yaml.j2",
    "persistentvolumeclaim.yaml.j2",
    "role.yaml.j2",
    "rolebinding.yaml.j2",
    "service.yaml.j2",
    "serviceaccount.yaml.j2",
];

/// Returns true for the text of a built-in template under its own name.
pub(super) fn is_built_in(name: &str, text: &str) -> bool {
    BUILT_IN.iter().any(|&(known, own)| known == name && own == text)
}

#[cfg(test)]
mod tests {
    use super::super::syntax::check_template;
    use super::{BUILT_IN, is_built_in};

    #[test]
    fn built_in_templates_keep_the_rules() {
        for (name, text) in BUILT_IN {
            assert_eq!(check_template(text), [], "{name}");
            assert!(is_built_in(name, text));
            assert!(!is_built_in(name, &format!("{text}# changed")));
        }
        assert!(!is_built_in("role.yaml.j2", "kind: Role\n"));
    }

    #[test]
    fn every_template_of_the_repository_is_built_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/templates");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    }
}
