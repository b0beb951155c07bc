//! `policy edit` and `policy show`: arguments, files and printing; what they do is in
//! [`crate::policy`].

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::policy::{self, Outcome, Request, Shown, Status, Tenant};
use crate::source::{Source, SourceId, Sources};

/// Policies of Kyverno: leave a namespace out of one, and see what they do.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum PolicyCommand {
    /// Adds a namespace to what a policy leaves out; every other byte stays as it was
    Edit(EditArgs),
    /// Says what policies leave out, and what a Pod gets
    Show(ShowArgs),
}

/// The arguments of `policy edit`.
#[derive(Debug, Clone, clap::Args)]
pub struct EditArgs {
    /// The owner's file: ClusterPolicy or MutatingPolicy, among other documents if need be
    pub file: PathBuf,
    /// The namespace to leave out
    #[arg(long, value_name = "NS")]
    pub exclude: String,
    /// The rule, where a policy has several
    #[arg(long, value_name = "NAME")]
    pub rule: Option<String>,
    /// The policy, where the file holds several
    #[arg(long, value_name = "NAME")]
    pub policy: Option<String>,
    /// Write nothing; exit 1 if the file would change
    #[arg(long)]
    pub check: bool,
    /// Take the namespace out again
    #[arg(long)]
    pub remove: bool,
}

/// The arguments of `policy show`.
#[derive(Debug, Clone, clap::Args)]
pub struct ShowArgs {
    /// A file, or `-` for what `kubectl get clusterpolicy -o yaml` prints
    pub file: PathBuf,
    /// The namespace of the Pod that is asked about
    #[arg(long, value_name = "NS")]
    pub namespace: Option<String>,
    /// The priority class that the Pod names
    #[arg(long, value_name = "NAME")]
    pub priority_class: Option<String>,
    /// The extended resource that the Pod asks for
    #[arg(long, value_name = "NAME", default_value = "nvidia.com/gpu")]
    pub resource: String,
}

/// Runs a command; gives the exit code. Data goes to `out`, talk to `talk`.
///
/// Errors: the file can't be read or written, or [`policy`] refuses.
pub fn run(
    command: &PolicyCommand,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<u8, Diagnostics> {
    match command {
        PolicyCommand::Edit(args) => edit(args, talk),
        PolicyCommand::Show(args) => show(args, out),
    }
}

fn edit(args: &EditArgs, talk: &mut dyn Write) -> Result<u8, Diagnostics> {
    let text = fs::read(&args.file).map_err(|error| unread(&args.file, &error))?;
    let (sources, source) = source(&args.file, text)?;
    let request = Request {
        namespace: &args.exclude,
        rule: args.rule.as_deref(),
        policy: args.policy.as_deref(),
    };
    let change = if args.remove { policy::include } else { policy::exclude };
    let outcome =
        change(&sources, source, &request).map_err(|errors| diagnose(&errors, &sources))?;
    let changed = outcome.text != sources.get(source).text();
    if changed && !args.check {
        replace(&args.file, &outcome.text).map_err(|error| {
            Diagnostic::new(format!("`{}` is not written: {error}", args.file.display()))
        })?;
    }
    print(talk, &edit_line(args, &outcome))?;
    Ok(u8::from(changed && args.check))
}

/// What was done, or would be, in one line.
fn edit_line(args: &EditArgs, outcome: &Outcome) -> String {
    let whole = match &outcome.rule {
        Some(rule) => format!("rule `{rule}` of `{}`", outcome.policy),
        None => format!("`{}`", outcome.policy),
    };
    let namespace = &args.exclude;
    let still = |by: &Option<String>| match by {
        Some(by) => format!("; it is still left out by {by}"),
        None => String::new(),
    };
    let said = match (&outcome.status, args.check) {
        (Status::Added, false) => format!("{whole} leaves `{namespace}` out now"),
        (Status::Added, true) => format!("{whole} does not leave `{namespace}` out yet"),
        (Status::AlreadyCovered { by }, _) => {
            format!("{whole} leaves `{namespace}` out already, by {by}")
        }
        (Status::Removed { still_covered_by }, false) => {
            format!("`{namespace}` is no longer listed in {whole}{}", still(still_covered_by))
        }
        (Status::Removed { .. }, true) => format!("`{namespace}` is still listed in {whole}"),
        (Status::NotListed { still_covered_by }, _) => {
            format!("`{namespace}` is not listed in {whole}{}", still(still_covered_by))
        }
    };
    format!("{}: {said}\n", args.file.display())
}

fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<u8, Diagnostics> {
    let mut text = Vec::new();
    let read = match args.file.to_str() {
        Some("-") => io::stdin().lock().read_to_end(&mut text).map(drop),
        _ => fs::read(&args.file).map(|bytes| text = bytes),
    };
    read.map_err(|error| unread(&args.file, &error))?;
    let (sources, source) = source(&args.file, text)?;
    let tenant = args.namespace.as_deref().map(|namespace| Tenant {
        namespace,
        priority_class: args.priority_class.as_deref(),
        resource: &args.resource,
    });
    let shown = policy::show(&sources, source, tenant.as_ref())
        .map_err(|errors| diagnose(&errors, &sources))?;
    let text: String = shown.iter().map(|policy| show_text(policy, tenant.as_ref())).collect();
    print(out, &text)?;
    Ok(0)
}

fn show_text(policy: &Shown, tenant: Option<&Tenant<'_>>) -> String {
    let mut lines = vec![format!("{} {}", policy.kind.name(), policy.name)];
    for rule in &policy.rules {
        let indent = match &rule.name {
            Some(name) => {
                lines.push(format!("  rule {name}"));
                "    "
            }
            None => "  ",
        };
        let out = match (rule.out.is_empty(), rule.also.is_empty()) {
            (false, _) => rule.out.join(", "),
            (true, true) => "nothing".to_owned(),
            (true, false) => "no namespace by its name".to_owned(),
        };
        lines.push(format!("{indent}leaves out: {out}"));
        lines.extend(rule.also.iter().map(|also| format!("{indent}and also: {also}")));
        if let (Some(effect), Some(tenant)) = (&rule.effect, tenant) {
            lines.push(format!(
                "{indent}a Pod of `{}` that asks for {}: {effect}",
                tenant.namespace, tenant.resource
            ));
        }
    }
    lines.join("\n") + "\n"
}

fn source(file: &Path, text: Vec<u8>) -> Result<(Sources, SourceId), Diagnostics> {
    let name = file.display().to_string();
    let text = String::from_utf8(text).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::new(format!("`{name}` is not UTF-8: byte {at} is not part of a character"))
    })?;
    let mut sources = Sources::new();
    let source = sources.add(Source::written(name, text));
    Ok((sources, source))
}

fn unread(file: &Path, error: &io::Error) -> Diagnostics {
    Diagnostic::new(format!("`{}` is not read: {error}", file.display())).into()
}

fn diagnose(
    errors: &[crate::diagnostic::Located<policy::Error>],
    sources: &Sources,
) -> Diagnostics {
    Diagnostics(errors.iter().map(|error| error.diagnose(sources)).collect())
}

fn print(to: &mut dyn Write, text: &str) -> Result<(), Diagnostics> {
    match to.write_all(text.as_bytes()) {
        // Who reads no further has what it wanted.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Diagnostic::new(format!("the output is not written: {error}")).into())
        }
        _ => Ok(()),
    }
}

/// Writes a file beside the old one and renames it, so that it is whole at any moment; its mode
/// stays. A link stays a link: the file that it leads to is replaced.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut beside =
        tempfile::Builder::new().prefix(".tts-render-").suffix(".tmp").tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    beside.persist(&file)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nmetadata: {name: p}\nspec:\n  rules:\n    - name: r\n      match: {any: [{resources: {kinds: [Pod]}}]}\n      exclude: {any: [{resources: {namespaces: [a]}}]}\n";

    fn args(file: &Path) -> EditArgs {
        EditArgs {
            file: file.to_owned(),
            exclude: "tts".to_owned(),
            rule: None,
            policy: None,
            check: false,
            remove: false,
        }
    }

    fn edit_file(args: &EditArgs) -> (u8, String) {
        let mut talk = Vec::new();
        let code = edit(args, &mut talk).unwrap();
        (code, String::from_utf8(talk).unwrap())
    }

    #[test]
    fn a_file_is_edited_once_and_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yaml");
        fs::write(&file, POLICY).unwrap();
        let mut args = args(&file);

        args.check = true;
        assert_eq!(edit_file(&args).0, 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), POLICY);

        args.check = false;
        let (code, said) = edit_file(&args);
        assert_eq!(code, 0);
        assert!(said.ends_with("p.yaml: rule `r` of `p` leaves `tts` out now\n"), "{said}");
        assert!(fs::read_to_string(&file).unwrap().contains("[a, tts]"));

        args.check = true;
        let (code, said) = edit_file(&args);
        assert_eq!(code, 0);
        assert!(said.ends_with("leaves `tts` out already, by its name\n"), "{said}");

        args.remove = true;
        assert_eq!(edit_file(&args).0, 1);
        args.check = false;
        assert_eq!(edit_file(&args).0, 0);
        assert_eq!(fs::read_to_string(&file).unwrap(), POLICY);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file is left");
    }

    #[cfg(unix)]
    #[test]
    fn mode_and_link_stay() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("p.yaml"), folder.path().join("link.yaml"));
        fs::write(&file, POLICY).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&file, &link).unwrap();
        edit_file(&args(&link));
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains("tts"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_file_that_is_refused_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yaml");
        let text = POLICY.replace("{any:", "{all:");
        fs::write(&file, &text).unwrap();
        let error = edit(&args(&file), &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("p.yaml:8:"), "{error}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }

    #[test]
    fn what_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yaml");
        fs::write(&file, POLICY).unwrap();
        let args = ShowArgs {
            file,
            namespace: Some("a".to_owned()),
            priority_class: None,
            resource: "nvidia.com/gpu".to_owned(),
        };
        let mut out = Vec::new();
        assert_eq!(show(&args, &mut out).unwrap(), 0);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "ClusterPolicy p\n  rule r\n    leaves out: a\n    a Pod of `a` that asks for nvidia.com/gpu: keeps its own priority, as rule r sets no priority\n"
        );
    }
}
