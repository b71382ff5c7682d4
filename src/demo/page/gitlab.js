// The GitLab side: tokens, the variable, pipelines with their log, and the issue.

import { $, ago, day, h, render, withIcons } from "./dom.js";

let chosen = null;
let turned = null;

/** Shows this issue from now on; null: the newest. */
export function pickIssue(iid) {
  chosen = iid;
}

export function hookWords(deliveries) {
  if (!deliveries.length) return "";
  const refused = deliveries.filter((one) => one.status !== null && (one.status < 200 || one.status > 299)).length;
  return refused ? `${deliveries.length} signed webhooks, ${refused} refused` : `${deliveries.length} signed webhooks, all taken`;
}

const badge = (tone, word) => h("span", { class: `badge ${tone}` }, word);
const STATE = { active: "good", revoked: "mute", expired: "bad" };

export function drawTokens({ gitlab, account, now, rotation, stores }) {
  const variable = gitlab.variables[0];
  const tokens = gitlab.tokens.filter((token) => token.user_id === account).reverse().map((token) => ({
    ...token, used: ago(token.last_used_at, now), holds: variable?.holds_token === token.id,
    ours: [rotation?.old, rotation?.new].includes(token.id), last_used_ips: null, last_used_at: null,
  }));
  const rank = (token) => (token.name.startsWith("Dashboard") ? 1 : 0);
  tokens.sort((one, other) => rank(one) - rank(other));
  render("tokens", { tokens, variable, stores }, () => [
    h("table", {}, h("thead", {}, h("tr", {}, ...["Access tokens of the service account", "State", "Expires", "Last used"]
      .map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, tokens.map((token) => h("tr", { class: token.state },
      h("td", {}, h("code", {}, `#${token.id}`), " ", h("span", { class: "name", title: token.name }, token.name)),
      h("td", {}, badge(STATE[token.state], token.state)),
      h("td", {}, day(token.expires_at)), h("td", {}, token.used))))),
    variable ? h("p", { class: "variable" }, h("code", {}, variable.key),
      h("span", { class: "hint" }, `${variable.path}, masked, protected`), h("span", { class: "arrow" }, "holds"),
      holder(variable)) : null,
    stores.map((store) => h("p", { class: "variable store" }, h("code", {}, store.name), h("span", { class: "arrow" }, "holds"),
      holder(store))),
  ]);
}

const holder = ({ holds_token: id }) => h("b", { class: "holds" }, id ? `token #${id}` : "no token");

const JOB = { success: "good", failed: "bad", running: "now", pending: "now" };

export function drawPipelines({ gitlab }) {
  const pipelines = [...gitlab.pipelines].reverse().slice(0, 2);
  const drawn = render("pipelines", pipelines, () => pipelines.map((pipeline) => h("div", { class: "pipeline" },
    h("p", {}, h("b", {}, `Pipeline ${pipeline.id % 1000}`), h("span", { class: "hint" }, `${pipeline.project}, ${pipeline.ref}`),
      badge(JOB[pipeline.status] ?? "mute", pipeline.status),
      pipeline.jobs.map((job) => h("span", { class: `job ${JOB[job.status] ?? "mute"}` }, `${job.name}: ${job.status}`))),
    log(pipeline))));
  // What matters stands at a log's end.
  if (drawn) for (const text of $("pipelines").querySelectorAll("pre")) text.scrollTop = text.scrollHeight;
}

function log(pipeline) {
  const job = [...pipeline.jobs].reverse().find((one) => one.log && one.name !== "build");
  if (!job) return null;
  return h("details", { "data-key": `log-${pipeline.id}`, open: job.status === "failed" },
    h("summary", { "data-key": `open-${pipeline.id}` }, `Log of ${job.name}`), h("pre", { tabindex: "0" }, job.log.trim()));
}

export function drawIssue({ gitlab, rotation }) {
  const issues = [...gitlab.issues].reverse();
  const issue = issues.find((one) => one.iid === chosen) ?? issues[0];
  const before = $("issue").querySelector(".text");
  const scrolled = before?.scrollTop ?? 0;
  const past = scrolled - (topOfSteps(before) ?? Infinity);
  const drawn = render("issue", { issue, all: issues.map((one) => [one.iid, one.state, one.title]) }, () => (issue ? [
    h("nav", { "aria-label": "Issues" }, issues.map((one) => h("button", { type: "button", "data-key": `issue-${one.iid}`,
      class: "tab", "aria-pressed": String(one === issue), title: one.title,
      on: { click: () => { pickIssue(one.iid); drawIssue({ gitlab, rotation }); } } },
      one === issue ? `#${one.iid}` : `#${one.iid} ${one.title}`))),
    h("div", { class: "text", tabindex: "0", "data-key": "issue-text", "aria-label": "Issue" }, h("h3", {}, issue.title),
      h("p", { class: "meta" }, badge(issue.state === "opened" ? "good" : "done", issue.state === "opened" ? "open" : "closed"),
        issue.confidential ? badge("mute", "confidential") : null, issue.labels.map((label) => badge("label", label)),
        issue.due_date ? h("span", {}, `due ${day(issue.due_date)}`) : null,
        issue.assignees.length ? h("span", {}, `for ${issue.assignees.map((name) => `@${name}`).join(", ")}`) : null),
      prose(issue.html),
      issue.notes.map((note) => h("article", { class: "note" }, h("p", {}, h("b", {}, `@${note.author}`)), prose(note.html)))),
  ] : [h("p", { class: "empty" }, "No issue yet.")]));
  const text = $("issue").querySelector(".text");
  // Who reads the steps keeps their place when something is inserted above them.
  if (drawn && text) text.scrollTop = past > -60 ? (topOfSteps(text) ?? 0) + past : scrolled;
  turnToSteps(text, rotation);
}

/** How far down the steps begin. */
function topOfSteps(text) {
  const steps = [...(text?.querySelectorAll("h2") ?? [])].find((one) => one.textContent === "Steps");
  return steps && text.scrollTop + steps.getBoundingClientRect().top - text.getBoundingClientRect().top - 2;
}

/** What people watch: the top while somebody must decide, the steps while it runs and in the end. Turned to once. */
function turnToSteps(text, rotation) {
  if (!text || !rotation || chosen !== null) return;
  const decides = ["awaiting_approval", "stuck"].includes(rotation.phase);
  const place = `${rotation.id} ${decides ? rotation.phase : rotation.phase === "closed"}`;
  const top = decides ? 0 : topOfSteps(text);
  if (turned === place || top === undefined) return;
  turned = place;
  text.scrollTop = top;
}

/** The sandbox has made this HTML from Markdown and dropped all raw HTML; the page's policy runs no script in it. */
function prose(html) {
  const place = h("div", { class: "prose" });
  place.innerHTML = html;
  const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  const found = [];
  while (texts.nextNode()) found.push(texts.currentNode);
  for (const text of found) if (!text.parentElement.closest("pre, code")) text.replaceWith(...withIcons(text.data.replace(/^\[~\]/, "➖")));
  return place;
}
