//! The queries of a plan as a shell script.

use std::fmt::Write;

use serde_json::json;
use yaml_spans::visible;

use super::Plan;
use crate::shell::shell_quote;

/// Formats a plan as a script that writes one compressed file for each query into a folder. The variable
/// `PROMETHEUS` names the server, and `CURL` adds options of curl.
pub fn commands(plan: &Plan, folder: &str) -> String {
    let mut out = String::new();
    let head = format!(
        "{} windows of {}, {}, every {} s",
        plan.windows.len(),
        plan.stack,
        plan.zone,
        plan.step
    );
    let _ = write!(
        out,
        "#!/bin/sh\n\
         # {}\n\
         # PROMETHEUS is the server, such as http://localhost:9090. CURL may have options, such as\n\
         # CURL='curl --cacert ca.pem --header @token.txt' with a file of one line, `Authorization: Bearer …`.\n\
         set -eu\n\
         : \"${{PROMETHEUS:?the URL of Prometheus}}\"\n\
         folder={}\n\
         mkdir -p \"$folder\"\n\n",
        visible(&head),
        shell_quote(folder)
    );
    // The description is that of `window fetch --prometheus`, of one query. Its end is the shell's to write.
    let mut header = json!(plan.header("", Vec::new()));
    if let Some(fields) = header.as_object_mut() {
        fields.remove("windows");
        fields.remove("source");
    }
    let header = header.to_string();
    let header = header.strip_suffix('}').unwrap_or(&header);
    let step = plan.step;
    let _ = write!(
        out,
        "# fetch NAME START END EXPRESSION\n\
         fetch() {{\n\
         \x20 answer=\"$folder/$1.part\"\n\
         \x20 ${{CURL:-curl}} --silent --show-error --fail-with-body --get --output \"$answer\" \\\n\
         \x20   --data-urlencode \"query=$4\" --data \"start=$2\" --data \"end=$3\" --data step={step} \\\n\
         \x20   \"${{PROMETHEUS%/}}/api/v1/query_range\" || {{ cat \"$answer\" >&2; echo >&2; exit 1; }}\n\
         \x20 {{\n\
         \x20   printf '%s' {}\n\
         \x20   printf ',\"source\":\"script\",\"windows\":[{{\"start\":\"%s\",\"end\":\"%s\"}}]}},' \"$2\" \"$3\"\n\
         \x20   sed '1s/^{{//' \"$answer\"\n\
         \x20 }} | gzip -9 -n >\"$folder/$1.json.gz\"\n\
         \x20 rm \"$answer\"\n\
         }}\n\n",
        shell_quote(&format!("{{\"history\":{header}"))
    );
    for (index, (expression, span)) in plan.queries().enumerate() {
        let part = index % plan.expressions.len().max(1);
        let name = format!("{}-{}", span.start.strftime("%Y%m%dT%H%M%SZ"), part + 1);
        let (start, end) = (span.start, span.end);
        let _ = writeln!(out, "fetch {name} {start} {end} {}", shell_quote(expression));
    }
    out
}
