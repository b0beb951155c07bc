// Keeps one comment on the pull request: the newest report. A comment is replaced only if this token's
// user wrote it and it ends with the report's marker, so that nobody else controls what it says later.
const { API, GRAPHQL, NUMBER, REPORT, REPOSITORY, TOKEN } = process.env;
const marker = "@MARKER@";

async function request(method, url, body) {
  const response = await fetch(url, {
    method,
    redirect: "error",
    headers: { authorization: `token ${TOKEN}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${new URL(url).pathname}: status ${response.status}`);
  return response;
}

async function listComments() {
  const comments = [];
  for (let page = 1; page > 0; ) {
    const query = `per_page=100&page=${page}`;
    const response = await request("GET", `${API}/repos/${REPOSITORY}/issues/${NUMBER}/comments?${query}`);
    comments.push(...(await response.json()));
    // Only the page's number: a runner may reach the forge at another address than its public one.
    const next = /[?&]page=(\d+)[^>]*>;\s*rel="next"/.exec(response.headers.get("link") ?? "");
    page = next && Number(next[1]) > page ? Number(next[1]) : 0;
  }
  return comments;
}

// GitHub answers GET /user only for tokens of people; its GraphQL API knows the viewer of any token.
async function ownLogin() {
  const answer = GRAPHQL
    ? (await (await request("POST", GRAPHQL, { query: "{ viewer { login } }" })).json()).data?.viewer
    : await (await request("GET", `${API}/user`)).json();
  if (!answer?.login) throw new Error("the forge does not tell the token's user");
  return answer.login;
}

(async () => {
  const marked = (await listComments()).filter((comment) => comment.body?.trimEnd().endsWith(marker));
  const login = marked.length > 0 ? await ownLogin() : undefined;
  const existing = marked.find((comment) => comment.user?.login === login);
  const comments = `${API}/repos/${REPOSITORY}/issues`;
  if (existing) await request("PATCH", `${comments}/comments/${existing.id}`, { body: REPORT });
  else await request("POST", `${comments}/${NUMBER}/comments`, { body: REPORT });
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
