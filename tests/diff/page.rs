//! The HTML page, opened in Chromium: on a phone and a desktop, light and dark.

use std::fmt::Write;

use serde_json::Value;

use crate::common::tool::Sandbox;
use crate::common::{require, run};
use crate::review::{NOW, committed};

/// A phone and a desktop: width and height in CSS pixels.
const SCREENS: [(u32, u32); 2] = [(390, 844), (1280, 900)];

/// Opens the page in a frame of each size and measures it, first as it loads and then with every fold
/// open.
const MEASURE: &str = r#"
const luminance = colour => {
  const [r, g, b] = colour.match(/[\d.]+/g).slice(0, 3).map(part => {
    part /= 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = (view, element) => {
  for (; element; element = element.parentElement) {
    const colour = view.getComputedStyle(element).backgroundColor;
    if (!colour.endsWith(', 0)')) return colour;
  }
  return 'rgb(255, 255, 255)';
};
const contrast = (view, element) => {
  const pair = [view.getComputedStyle(element).color, background(view, element)].map(luminance);
  return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
};
const measure = (frame, width) => {
  const view = frame.contentWindow, page = frame.contentDocument;
  const all = [...page.body.querySelectorAll('*')].filter(one => one.getClientRects().length);
  const texts = all.filter(one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  const name = one => `${one.tagName} ${one.textContent.slice(0, 40)}`;
  return {
    scrollWidth: page.documentElement.scrollWidth,
    wide: all.filter(one => one.getBoundingClientRect().right > width + 0.5 || !(one instanceof view.SVGElement) && one.scrollWidth > one.clientWidth + 1 && one.clientWidth).map(name),
    small: texts.filter(one => parseFloat(view.getComputedStyle(one).fontSize) < 12).map(name),
    faint: texts.filter(one => contrast(view, one) < 4.5).map(name),
    low: [...page.querySelectorAll('summary')].filter(one => one.getBoundingClientRect().height < 24).map(name),
    critical: page.querySelector('li.critical')?.getBoundingClientRect().top ?? null,
    info: page.querySelector('li.info')?.getBoundingClientRect().top ?? null,
    folds: page.querySelectorAll('details').length,
    open: page.querySelectorAll('details[open]').length,
    scripts: page.querySelectorAll('script, img, link, iframe, base, form').length,
    links: [...page.querySelectorAll('a')].map(one => one.href),
    dark: luminance(background(view, page.body)) < 0.1,
    mode: page.compatMode,
    title: page.title,
    seen: texts.length,
  };
};
(async () => {
  const text = JSON.parse(document.getElementById('page').textContent);
  const measured = [];
  for (const [width, height] of SCREENS) {
    const frame = document.createElement('iframe');
    frame.style = `border: 0; width: ${width}px; height: ${height}px`;
    frame.srcdoc = text;
    await new Promise(done => { frame.onload = done; document.body.append(frame); });
    const closed = measure(frame, width);
    frame.contentDocument.querySelectorAll('details').forEach(one => one.open = true);
    measured.push({ closed, opened: measure(frame, width) });
    frame.remove();
  }
  document.getElementById('result').textContent = JSON.stringify(measured);
})();
"#;

/// Measures a page in Chromium, once for each screen.
fn measured(sandbox: &Sandbox, page: &str, scheme: &str) -> Vec<Value> {
    let quoted = Value::from(page).to_string().replace('<', "\\u003c");
    let mut frame = String::from("<!doctype html><meta charset=utf-8><body>");
    let screens: Vec<[u32; 2]> = SCREENS.iter().map(|(width, height)| [*width, *height]).collect();
    let _ = write!(
        frame,
        "<script type='application/json' id='page'>{quoted}</script><pre id='result'></pre>\
         <script>const SCREENS = {screens:?};{MEASURE}</script>"
    );
    sandbox.write("frame.html", &frame);
    let profile =
        format!("--user-data-dir={}", sandbox.path(format!("profile-{scheme}")).display());
    let address = format!("file://{}", sandbox.path("frame.html").display());
    // The time limit ends it whatever it does.
    let mut command =
        vec!["timeout", "--kill-after=5", "180", "chromium", "--headless", "--no-sandbox"];
    command.extend(["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]);
    command.extend(["--disable-background-networking", "--disable-component-update"]);
    command.extend(["--disable-dev-shm-usage", "--hide-scrollbars", "--virtual-time-budget=20000"]);
    command.extend([&profile, scheme, "--dump-dom", &address]);
    let dom = run(&command, "");
    let (_, result) = dom.split_once("<pre id=\"result\">").expect("the result's place");
    let (result, _) = result.split_once("</pre>").expect("its end");
    let text = result.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// A page with critical findings, long values, long names and hostile text.
fn page(sandbox: &Sandbox) -> String {
    let long = "a-path-that-is-much-wider-than-a-phone/".repeat(6);
    let hostile = "</code></pre></details><script>document.title=1</script><img src=x onerror=alert(1)><a href=https://evil.example>x</a>";
    for (from, to) in [
        ("size: 20Gi", "size: 10Gi"),
        ("floor: 6Gi", "floor: 8Gi"),
        ("up: 0 2 * * *", "up: 30 1 * * *"),
        ("onScrapeFailure: yield", "onScrapeFailure: keep"),
        ("path: /srv/nfs-ssd/chatterbox", &format!("path: /srv/{long}end")),
        ("repo_id: chatterbox-multilingual", &format!("repo_id: {}", Value::from(hostile))),
        ("failureThreshold: 5", "failureThreshold: 2"),
        ("TTS_MODEL: chatterbox", &format!("TTS_MODEL: {}", "x".repeat(600))),
    ] {
        sandbox.replace("values/tts.yaml", from, to);
    }
    let month =
        crate::common::tool::repository().join("tests/fixtures/diff/history-synthesised.json");
    let month = month.to_str().expect("UTF-8");
    let output = sandbox.run(&["diff", "--now", NOW, "--history", month, "--format", "html"]);
    assert_eq!(output.code, 1, "{}", output.stderr);
    output.stdout
}

#[test]
fn the_page_is_readable_on_every_screen_light_and_dark() {
    if !require(&["chromium", "--version"]) {
        return;
    }
    let sandbox = committed();
    let page = page(&sandbox);
    for (scheme, dark) in [
        ("--blink-settings=preferredColorScheme=1", false),
        ("--blink-settings=preferredColorScheme=0", true),
    ] {
        for (screen, (width, height)) in measured(&sandbox, &page, scheme).iter().zip(SCREENS) {
            for state in ["closed", "opened"] {
                let seen = &screen[state];
                let at = format!("{width} wide, dark {dark}, {state}: {seen:#}");
                assert_eq!(seen["scrollWidth"], width, "{at}");
                for list in ["wide", "small", "faint", "low"] {
                    assert_eq!(seen[list], serde_json::json!([]), "{list}, {at}");
                }
                assert_eq!(seen["dark"], dark, "{at}");
                assert_eq!(
                    (&seen["scripts"], &seen["mode"]),
                    (&0.into(), &"CSS1Compat".into()),
                    "{at}"
                );
                assert!(seen["seen"].as_u64() > Some(50), "{at}");
                let links = seen["links"].as_array().expect("a list");
                let leads_to_a_source = |link: &Value| {
                    link.as_str().is_some_and(|link| link.starts_with("https://kubernetes.io/"))
                };
                assert!(!links.is_empty() && links.iter().all(leads_to_a_source), "{at}");
                assert!(
                    seen["title"].as_str().is_some_and(|title| title.contains("critical")),
                    "{at}"
                );
            }
            let (closed, opened) = (&screen["closed"], &screen["opened"]);
            assert_eq!(closed["open"], 0, "YAML is folded at first");
            assert!(opened["folds"].as_u64() > Some(5) && opened["open"] == opened["folds"]);
            // Critical findings are on the first screen, and before all that matters less.
            let top = |what: &str| closed[what].as_f64().unwrap_or(f64::MAX);
            assert!(top("critical") < f64::from(height), "{width}: {closed:#}");
            assert!(top("critical") < top("info"), "{width}: {closed:#}");
        }
    }
}

/// The values that decide who gets the GPU come first, and are never folded behind others.
#[test]
fn the_weightiest_values_come_first() {
    let sandbox = committed();
    let page = page(&sandbox);
    let values = page.split_once("<h2>Values</h2>").expect("values").1;
    let values = values.split_once("<h2>").expect("an end").0;
    let place = |path: &str| values.find(&format!("<code>{path}</code>")).expect(path);
    let order = ["gate.floor", "gate.onScrapeFailure", "offPeak.up", "storage.size"];
    assert!(order.map(place).is_sorted(), "{values}");
    assert!(place("gate.floor") < place("server.config.data.model.repo_id"), "{values}");
    assert!(place("gate.floor") < values.find("<details>").expect("a fold"), "{values}");
}

#[test]
fn chromium_finds_the_faults_of_a_bad_page() {
    if !require(&["chromium", "--version"]) {
        return;
    }
    let sandbox = Sandbox::empty();
    let page = "<!doctype html><meta name=viewport content='width=device-width'><title>t</title>\
         <body style='background: #fff'><pre style='font-size: 10px'>wide wide wide wide wide wide wide wide wide wide wide wide wide wide wide wide wide wide</pre>\
         <p style='color: #bbb'>faint</p><details open><summary style='line-height: 10px; font-size: 12px'>low</summary></details><img src=x>";
    let screens = measured(&sandbox, page, "--blink-settings=preferredColorScheme=1");
    let phone = &screens[0]["closed"];
    assert!(phone["scrollWidth"].as_u64() > Some(390), "{phone:#}");
    for list in ["wide", "small", "faint", "low"] {
        assert!(phone[list].as_array().is_some_and(|list| !list.is_empty()), "{list}: {phone:#}");
    }
    assert_eq!((&phone["scripts"], &phone["open"]), (&1.into(), &1.into()), "{phone:#}");
}
