//! The Terraform steps of docs/migrate.md, run by Terraform on state files.
//!
//! The stack's resources need a provider that would have to be downloaded. The built-in `terraform_data`
//! takes their place, with addresses of the same shapes: plain, in a module, of `for_each`. `state rm`
//! needs no provider and is run on a state with the stack's real addresses.

#![cfg(test)]

mod common;

use std::fs;
use std::process::Command;

use common::terraform::live_stack;
use common::tool::{self, Sandbox};
use serde_json::{Value, json};

/// A Terraform stack in a temporary folder.
struct TerraformStack {
    sandbox: Sandbox,
}

impl TerraformStack {
    /// Runs Terraform, and returns its exit code and all of its output.
    fn run(&self, args: &[&str]) -> (i32, String) {
        let output = Command::new("terraform")
            .args(args)
            .current_dir(self.sandbox.path(""))
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_CLI_CONFIG_FILE", self.sandbox.path("terraform.rc"))
            .env("TF_IN_AUTOMATION", "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap(), text)
    }

    /// Runs Terraform, which must succeed.
    #[track_caller]
    fn ok(&self, args: &[&str]) -> String {
        let (code, text) = self.run(args);
        assert_eq!(code, 0, "{args:?}: {text}");
        text
    }
}

/// A stack that was applied, with addresses of the same shapes as the real one's.
fn applied_stack() -> TerraformStack {
    let terraform = TerraformStack { sandbox: Sandbox::empty() };
    terraform.sandbox.write("terraform.rc", "");
    terraform
        .sandbox
        .write("nfs/main.tf", "resource \"terraform_data\" \"volume\" { input = \"pv\" }\n");
    terraform.sandbox.write(
        "main.tf",
        "resource \"terraform_data\" \"tts\" { input = \"tts\" }\n\
         module \"nfs_models\" { source = \"./nfs\" }\n\
         resource \"terraform_data\" \"offpeak\" {\n  for_each = toset([\"up\", \"guard\", \"down\"])\n  input = each.key\n}\n",
    );
    terraform.ok(&["init", "-no-color"]);
    terraform.ok(&["apply", "-auto-approve", "-no-color"]);
    assert_eq!(terraform.ok(&["state", "list"]).lines().count(), 5);
    terraform
}

/// The `removed` blocks of the guide, with the addresses of the placeholders.
fn removed_blocks() -> String {
    let document = fs::read_to_string(tool::repository().join("docs/migrate.md")).unwrap();
    let blocks: Vec<&str> = document
        .split("    removed {\n")
        .skip(1)
        .map(|rest| rest.split("    }\n").next().unwrap())
        .collect();
    assert_eq!(blocks.len(), 9, "one block for each resource or module of the stack");
    // Terraform prints a line for each instance: three jobs, and two objects in the module.
    assert!(document.contains("twelve \"will no longer be managed\""));
    assert_eq!(live_stack().len(), 12);
    let placeholders = [
        ("kubernetes_namespace.tts", "terraform_data.tts"),
        ("module.nfs_models", "module.nfs_models"),
        ("kubernetes_cron_job_v1.offpeak", "terraform_data.offpeak"),
    ];
    let mut used = String::new();
    for (address, placeholder) in placeholders {
        let block = blocks.iter().find(|block| block.contains(address)).expect(address);
        used += &format!("removed {{\n{}}}\n", block.replace(address, placeholder));
    }
    used
}

#[test]
fn deleting_the_blocks_would_destroy_everything() {
    if !common::require(&["terraform", "version"]) {
        return;
    }
    let terraform = applied_stack();
    terraform.sandbox.write("main.tf", "");
    assert!(terraform.ok(&["plan", "-no-color"]).contains("0 to add, 0 to change, 5 to destroy"));
}

#[test]
fn removed_blocks_end_the_management_and_destroy_nothing() {
    if !common::require(&["terraform", "version"]) {
        return;
    }
    let terraform = applied_stack();
    let before = terraform.sandbox.read("terraform.tfstate");
    terraform.sandbox.write("main.tf", removed_blocks());
    terraform.ok(&["init", "-no-color"]);
    let plan = terraform.ok(&["plan", "-no-color", "-out", "move.plan"]);
    assert!(plan.contains("0 to add, 0 to change, 0 to destroy"), "{plan}");
    assert_eq!(
        plan.matches("will no longer be managed by Terraform, but will not be destroyed").count(),
        5,
        "{plan}"
    );
    terraform.ok(&["apply", "-no-color", "move.plan"]);
    assert_eq!(terraform.ok(&["state", "list"]).trim(), "");
    // The way back: push the old state, and take the removed blocks out.
    terraform.sandbox.write("before.tfstate", &before);
    terraform.ok(&["state", "push", "-force", "before.tfstate"]);
    assert_eq!(terraform.ok(&["state", "list"]).lines().count(), 5);
}

#[test]
fn an_index_in_a_removed_block_is_refused() {
    if !common::require(&["terraform", "version"]) {
        return;
    }
    let terraform = applied_stack();
    terraform.sandbox.write(
        "main.tf",
        removed_blocks().replace("terraform_data.offpeak", "terraform_data.offpeak[\"up\"]"),
    );
    let (code, text) = terraform.run(&["plan", "-no-color"]);
    assert!(code == 1 && text.contains("Resource instance keys not allowed"), "{text}");
}

#[test]
fn state_rm_needs_no_provider() {
    if !common::require(&["terraform", "version"]) {
        return;
    }
    let terraform = TerraformStack { sandbox: Sandbox::empty() };
    terraform.sandbox.write("terraform.rc", "");
    let provider = "provider[\"registry.terraform.io/hashicorp/kubernetes\"]";
    let resource = |module: Option<&str>, kind: &str, name: &str, key: Option<&str>| -> Value {
        let mut instance =
            json!({"schema_version": 0, "attributes": {"id": name}, "sensitive_attributes": []});
        if let Some(key) = key {
            instance["index_key"] = json!(key);
        }
        let mut resource = json!({"mode": "managed", "type": kind, "name": name, "provider": provider, "instances": [instance]});
        if let Some(module) = module {
            resource["module"] = json!(module);
        }
        resource
    };
    let state = json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 7,
        "lineage": "7f3a1c9e-0000-4000-8000-000000000000", "outputs": {}, "check_results": null,
        "resources": [
            resource(None, "kubernetes_namespace", "tts", None),
            resource(None, "kubernetes_deployment", "chatterbox", None),
            resource(None, "kubernetes_cron_job_v1", "offpeak", Some("chatterbox-window-up")),
            resource(Some("module.nfs_models"), "kubernetes_persistent_volume", "this", None),
        ],
    });
    terraform.sandbox.write("terraform.tfstate", state.to_string());
    terraform.ok(&[
        "state",
        "rm",
        "kubernetes_namespace.tts",
        "kubernetes_deployment.chatterbox",
        "kubernetes_cron_job_v1.offpeak",
        "module.nfs_models",
    ]);
    assert_eq!(terraform.ok(&["state", "list"]).trim(), "");
}
