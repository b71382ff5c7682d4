// The page: asks for the picture twice a second and hands its parts to the panes.

import * as discord from "./discord.js";
import { $, h, once, post, quietly, render, withIcons } from "./dom.js";
import { drawIssue, drawPipelines, drawTokens, hookWords, pickIssue } from "./gitlab.js";
import { drawForm, openHome } from "./form.js";
import * as slack from "./slack.js";
import { drawWho, shownChat } from "./who.js";

const STATIONS = ["Notice", "Approval", "New token", "Stored", "Proven", "Silence", "Revoked"];
const AT = { awaiting_approval: 1, scheduled: 2, minting: 2, distributing: 3, restoring: 3, verifying: 4, grace: 5,
  revoking: 6, closing: 7, closed: 7 };

let mailbox = [];
let picture = null;
let failures = 0;

async function look() {
  try {
    const answer = await fetch("picture");
    if (!answer.ok) throw new Error();
    picture = await answer.json();
    failures = 0;
    draw();
  } catch (error) {
    failures += 1;
    if (failures === 4) $("status").textContent = "The demo has stopped. Start it again with: rekey demo";
  }
  setTimeout(look, 500);
}

function draw() {
  const { gitlab, rotation, sent, faults } = picture;
  drawRail(rotation);
  render("mails", { mailbox, sent }, drawMails);
  drawTokens(picture);
  drawPipelines(picture);
  drawIssue(picture);
  drawWho(picture, draw);
  if (picture.slack) {
    slack.drawMessages(picture);
    drawForm(picture);
  }
  if (picture.discord) discord.drawMessages(picture);
  render("log", picture.log.slice(-60), drawLog);
  $("hooks").textContent = hookWords(gitlab.deliveries);
  $("short").textContent = `Times are shortened: grace ${picture.grace} s, in production 15 min.`;
  $("red").checked = faults.red;
  $("cut").disabled = faults.cut;
  $("cut").textContent = faults.cut ? "Armed: the next token’s answer is cut" : "Cut GitLab’s next answer";
}

function drawRail(rotation) {
  const phase = rotation?.phase;
  const at = rotation ? AT[rotation.stopped_at ?? phase] ?? 0 : 0;
  const undone = phase === "closed" && rotation.outcome !== "done";
  const left = rotation?.until ? Math.max(0, Math.ceil((new Date(rotation.until) - new Date(picture.now)) / 1000)) : 0;
  const mark = (index) => {
    if (undone) return "skipped";
    if (index < at) return "done";
    if (index > at) return "todo";
    return phase === "stuck" ? "failed" : "now";
  };
  const marks = STATIONS.map((_, index) => mark(index));
  render("rail", { marks, left, at }, () => STATIONS.map((name, index) => h("li", { class: marks[index],
    "aria-current": marks[index] === "now" ? "step" : null }, h("i", { "aria-hidden": "true" }), h("b", {}, name),
    marks[index] === "now" && left > 0 ? h("span", { class: "left" }, `${left} s`) : null)));
  const idle = "Nothing is due yet. The first mail in the mailbox starts it.";
  render("status", rotation ? [phase, rotation.symbol, rotation.word, rotation.sentence, rotation.waiting] : [],
    () => (rotation ? [withIcons(rotation.symbol), " ", h("b", {}, rotation.word), ` ${rotation.sentence}`,
      rotation.waiting ? ` ${rotation.waiting}` : null] : [idle]));
}

function answerWords({ status, why }) {
  if (status === 202 && why) return [`${status}`, why];
  if (status === 202) return [`${status}`, "remembered"];
  return [`${status}`, why ?? (status === 200 ? "ignored" : "refused")];
}

function answered(sent) {
  const [code, words] = answerWords(sent);
  const tone = sent.status === 202 ? "good" : sent.status === 200 ? "mute" : "bad";
  return h("p", { class: `answer ${tone}` }, h("code", {}, code), ` ${words}`);
}

function drawMails({ mailbox: mails, sent }) {
  return mails.map((mail) => {
    const last = sent.filter((one) => one.name === mail.name).pop();
    return h("article", { class: "mail" },
      h("header", {}, h("b", {}, mail.from), h("span", { class: "hint" }, mail.address)),
      h("details", { "data-key": mail.name }, h("summary", { "data-key": `open-${mail.name}` }, mail.subject),
        h("pre", {}, mail.text.trim())),
      h("footer", {}, h("span", {}, mail.about),
        h("button", { class: `small ${mail.name === "expiry" && !last ? "primary" : ""}`, "data-key": `send-${mail.name}`, "data-mail": mail.name,
          "aria-label": `Send: ${mail.subject}, from ${mail.from}`,
          on: { click: ({ target }) => once(target, () => post(`mail/${mail.name}`, { raw: "" })) } }, last ? "Send again" : "Send")),
      last ? answered(last) : null);
  });
}

function drawLog(lines) {
  return lines.map((line) => {
    const { timestamp, level, message, target, span, ...rest } = line;
    const more = Object.entries({ ...span, ...rest }).filter(([name]) => name !== "name")
      .map(([name, value]) => `${name}=${value}`).join(" ");
    return h("p", { class: level === "WARN" || level === "ERROR" ? "bad" : null },
      h("span", {}, (timestamp ?? "").slice(11, 19)), ` ${message} `, h("em", {}, more));
  });
}

$("red").addEventListener("change", (event) => quietly(() => post("trouble", { red: event.target.checked })));
$("cut").addEventListener("click", () => quietly(() => post("trouble", { cut: true })));
$("again").addEventListener("click", ({ target }) => once(target, async () => {
  await post("again");
  pickIssue(null);
}));
$("own").addEventListener("submit", (event) => {
  event.preventDefault();
  quietly(async () => $("own-answer").replaceChildren(answered(await post("mail/own", {
    raw: $("raw").value, delivered: $("delivered").checked }))));
});
$("home").addEventListener("click", () => picture && openHome(picture));
$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("line").value.trim();
  if (!text) return;
  $("line").value = "";
  quietly(() => (shownChat(picture) === "slack" ? slack : discord).say(picture, text));
});
$("line").addEventListener("input", () => quietly(async () => {
  const text = $("line").value;
  const proposed = shownChat(picture) === "discord" ? await discord.propose(picture, text) : [];
  if ($("line").value !== text) return;
  $("choices").replaceChildren(...proposed.map(([value, words]) => h("option", { value }, words)));
}));
// Links lead to what this page shows itself.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || !picture || !link.href.startsWith(picture.gitlab.url)) return;
  event.preventDefault();
  const issue = link.href.match(/^.*\/-\/(?:issues|work_items)\/(\d+)/);
  if (issue) pickIssue(Number(issue[1]));
  if (picture) draw();
  const place = issue ? $("issue") : /\/-\/(jobs|pipelines)\//.test(link.href) ? $("pipelines") : null;
  if (!place) return;
  place.classList.remove("look");
  requestAnimationFrame(() => place.classList.add("look"));
});

mailbox = await (await fetch("mailbox")).json();
look();
