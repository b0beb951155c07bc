//! Certificates and keys, which are deleted with the cluster.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The administrator's user and group.
const ADMIN: (&str, Option<&str>) = ("admin", Some("system:masters"));

/// The controller manager's user, with the rights of Kubernetes' own roles.
const CONTROLLERS: (&str, Option<&str>) = ("system:kube-controller-manager", None);

/// The scheduler's user, likewise.
const SCHEDULER: (&str, Option<&str>) = ("system:kube-scheduler", None);

/// Writes `ca.crt`, and for the server, the administrator, the controllers and the scheduler
/// `NAME.crt` and `NAME.key`; and `service-account.key` and `.pub`, which sign the tokens of service accounts.
pub fn write(folder: &Path) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params.distinguished_name.push(DnType::CommonName, "tests/e2e");
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let authority = Issuer::new(params, key);
    std::fs::write(folder.join("ca.crt"), certificate.pem()).unwrap();

    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let mut server = CertificateParams::new(names).unwrap();
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    issue(folder, "server", server, &authority);
    let users = [("admin", ADMIN), ("controllers", CONTROLLERS), ("scheduler", SCHEDULER)];
    for (name, (user, group)) in users {
        let mut client = CertificateParams::default();
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        client.distinguished_name.push(DnType::CommonName, user);
        if let Some(group) = group {
            client.distinguished_name.push(DnType::OrganizationName, group);
        }
        issue(folder, name, client, &authority);
    }

    let signer = KeyPair::generate().unwrap();
    std::fs::write(folder.join("service-account.key"), signer.serialize_pem()).unwrap();
    std::fs::write(folder.join("service-account.pub"), signer.public_key_pem()).unwrap();
}

fn issue(
    folder: &Path,
    name: &str,
    mut params: CertificateParams,
    authority: &Issuer<'_, KeyPair>,
) {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    std::fs::write(folder.join(name).with_extension("crt"), certificate.pem()).unwrap();
    std::fs::write(folder.join(name).with_extension("key"), key.serialize_pem()).unwrap();
}

/// A kubeconfig for the user of `NAME.crt`.
pub fn write_kubeconfig(folder: &Path, name: &str, server: &str) {
    let file = |name: String| folder.join(name).display().to_string();
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": {
            "server": server,
            "certificate-authority": file("ca.crt".to_owned()),
        }}],
        "users": [{"name": name, "user": {
            "client-certificate": file(format!("{name}.crt")),
            "client-key": file(format!("{name}.key")),
        }}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": name}}],
        "current-context": "e2e",
    });
    std::fs::write(folder.join(format!("{name}.kubeconfig")), config.to_string()).unwrap();
}
