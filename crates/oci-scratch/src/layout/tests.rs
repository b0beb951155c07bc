use super::*;
use crate::image::tests::example;

#[test]
fn a_written_layout_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b/layout");
    let layout = Layout::new(&example(), "1.2.3").unwrap();
    layout.write(&out).unwrap();
    let back = Layout::read(&out).unwrap();
    assert_eq!(back.digest(), layout.digest());
    assert_eq!(back.ref_name.as_deref(), Some("1.2.3"));
    assert_eq!(back.layers[0].bytes, layout.layers[0].bytes);
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1, "nothing is left over");
}

/// Users have pinned this digest.
#[test]
fn the_digest_is_stable_and_depends_on_every_input() {
    let digest = |image: &Image| Layout::new(image, "1").unwrap().digest().clone();
    let mut fixed = example();
    fixed.about.version = "1.0.0".to_owned();
    assert_eq!(
        digest(&fixed).hex(),
        "fc507071dd27cd458880a391121f475b15e057b0ae4a2fa430017f27f80149c8"
    );
    let changes: [fn(&mut Image); 6] = [
        |i| i.time = 1,
        |i| i.user = "0:0".to_owned(),
        |i| i.about.revision = Some("abc".to_owned()),
        |i| i.about.packages = Some(vec![]),
        |i| i.entrypoint.push("x".to_owned()),
        |i| i.entries[0].mode = 0o700,
    ];
    let mut seen = vec![digest(&fixed)];
    for change in changes {
        let mut other = fixed.clone();
        change(&mut other);
        seen.push(digest(&other));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

#[test]
fn json_has_its_keys_sorted() {
    let layout = Layout::new(&example(), "1").unwrap();
    let documents = [
        serde_json::to_vec(&layout.index()).unwrap(),
        layout.manifest.bytes.clone(),
        layout.config.bytes.clone(),
    ];
    for bytes in documents {
        let text = String::from_utf8(bytes).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(sorted(&value), text);
    }
}

fn sorted(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let map: std::collections::BTreeMap<_, _> = map.iter().collect();
            let each = map.iter().map(|(k, v)| format!("{:?}:{}", k, sorted(v)));
            format!("{{{}}}", each.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// A process that is killed between two renames would leave no folder.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_is_replaced_is_never_missing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("layout");
    let layout = Layout::new(&example(), "1").unwrap();
    layout.write(&out).unwrap();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let ordering = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            while !is_done.load(ordering) {
                if !out.join("index.json").exists() {
                    return false;
                }
            }
            true
        });
        for _ in 0..200 {
            layout.write(&out).unwrap();
        }
        is_done.store(true, ordering);
        assert!(watcher.join().unwrap(), "the folder was missing for a moment");
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn only_plain_files_within_the_limits_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("layout");
    let written = Layout::new(&example(), "1").unwrap();
    let blob = |digest: &Digest| blob_path(&out, digest);
    let layer = blob(&written.layers[0].digest);
    let documents = [out.join("index.json"), blob(written.digest()), blob(&written.config.digest)];
    let files = documents.iter().map(|path| (path, 4, "a document may have 4 MiB"));
    for (path, mebibytes, words) in
        files.chain([(&layer, 64, "the packed layers may have 64 MiB together")])
    {
        written.write(&out).unwrap();
        // Sparse: nothing is stored.
        File::options().write(true).open(path).unwrap().set_len((mebibytes << 20) + 1).unwrap();
        let error = Layout::read(&out).unwrap_err().to_string();
        assert_eq!(error, format!("`{}` is too large: {words}", path.display()));
    }
    written.write(&out).unwrap();
    fs::remove_file(&layer).unwrap();
    fs::create_dir(&layer).unwrap();
    let error = Layout::read(&out).unwrap_err().to_string();
    assert!(error.ends_with("is not a file"), "{error}");
}

#[test]
fn a_layout_is_replaced_and_any_other_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("layout");
    Layout::new(&example(), "old").unwrap().write(&out).unwrap();
    let mut other = example();
    other.time = 5;
    let new = Layout::new(&other, "new").unwrap();
    new.write(&out).unwrap();
    assert_eq!(Layout::read(&out).unwrap().digest(), new.digest());
    assert_eq!(fs::read_dir(out.join("blobs/sha256")).unwrap().count(), 3);

    fs::write(out.join("notes.txt"), "mine").unwrap();
    assert!(new.write(&out).unwrap_err().to_string().contains("do not belong"));
    assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
    let plain = folder.path().join("plain");
    fs::create_dir(&plain).unwrap();
    fs::write(plain.join("index.json"), "mine").unwrap();
    assert!(new.write(&plain).unwrap_err().to_string().contains("do not belong"));
}

#[test]
fn damage_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    let layout = Layout::new(&example(), "1").unwrap();
    for blob in [&layout.manifest, &layout.config, &layout.layers[0]] {
        layout.write(out).unwrap();
        let path = blob_path(out, &blob.digest);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(Layout::read(out).unwrap_err().to_string().contains("its digest is"));
    }
    layout.write(out).unwrap();
    fs::remove_file(out.join("oci-layout")).unwrap();
    assert!(Layout::read(out).unwrap_err().to_string().contains("it has no `oci-layout`"));
}

#[test]
fn names_follow_the_specification() {
    for good in ["1", "0.1.0", "latest", "a/b:1.0", "v1--x", "1.0+build"] {
        assert!(is_ref_name(good), "{good:?}");
    }
    for bad in ["", "-a", "a-", "a b", "a//b", "ä", "a..b", "a\n"] {
        assert!(!is_ref_name(bad), "{bad:?}");
        let error = Layout::new(&example(), bad).unwrap_err().to_string();
        assert!(error.starts_with("invalid image name"), "{error}");
    }
}
