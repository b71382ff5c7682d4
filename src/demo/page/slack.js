// The chat side: Block Kit and Slack's own markup, threads, private lines, and who you are.

import { $, h, keep, moment, once, post, startsWithIcon, withIcons } from "./dom.js";
import { me } from "./who.js";

const nodes = new Map();

export function drawMessages(picture) {
  const { slack, channel } = picture;
  const all = slack.channels[channel]?.messages ?? [];
  const own = slack.ephemerals.filter((line) => line.user === me(picture).slack).slice(-4)
    .map((line, index) => ({ ...line, ts: `private-${index}-${line.text.length}`, user: slack.bot, private: true }));
  const heads = all.filter((message) => !message.thread_ts);
  const threads = heads.flatMap((head) => [head, ...all.filter((message) => message.thread_ts === head.ts)]);
  const items = [...threads, ...own].map((message) => ({ key: message.ts, message }));
  const fresh = keep($("slack"), nodes, items, (item) => JSON.stringify([item.message, me(picture).slack]),
    (item) => drawMessage(item.message, picture), "Nobody has said anything yet.");
  if (fresh?.classList.contains("private")) fresh.scrollIntoView({ block: "nearest" });
  for (const text of fresh?.querySelectorAll("pre") ?? []) text.scrollTop = text.scrollHeight;
  if (fresh && !/private|reply/.test(fresh.className)) fresh.scrollIntoView({ block: "start" });
}

function drawMessage(message, picture) {
  const bot = message.user === picture.slack.bot;
  const name = bot ? "rekey" : picture.slack.users[message.user]?.name ?? message.user;
  const kind = ["message", message.thread_ts && "reply", message.private && "private"].filter(Boolean).join(" ");
  return h("article", { class: kind, "aria-label": `${name}${message.private ? ", only visible to you" : ""}` },
    message.private ? h("p", { class: "eye" }, "Only visible to you") : null,
    h("div", { class: `face ${bot ? "bot" : ""}`, "aria-hidden": "true" }, bot ? "rk" : name.slice(0, 1)),
    h("div", {}, h("p", { class: "by" }, h("b", {}, name), bot ? h("small", {}, "APP") : null,
      message.edits ? h("span", { class: "hint" }, "(edited)") : null),
    message.blocks.length ? message.blocks.map((block) => drawBlock(block, message, picture)) : section(message.text, picture)));
}

/** Lines that begin with a symbol hang on it; a block of code stays whole. */
function section(text, picture) {
  const lines = text.includes("```") ? [text] : text.split("\n");
  return h("div", { class: "section" }, lines.map((line) => (startsWithIcon(line)
    ? h("div", { class: "step" }, withIcons(line).slice(0, 1), h("span", {}, mrkdwn(line.replace(/^\S+ /, ""), picture)))
    : h("div", {}, mrkdwn(line, picture)))));
}

/** A block of a message, a form or the home tab; `message.press` presses where there is no message. */
export function drawBlock(block, message, picture) {
  switch (block.type) {
    case "header": return h("h3", {}, block.text.text);
    case "section": return [block.text ? section(block.text.text, picture) : null,
      block.accessory ? h("div", { class: "actions" }, drawButton(block.accessory, message, picture)) : null,
      block.fields ? h("div", { class: "fields" }, block.fields.map((field) => h("div", {}, mrkdwn(field.text, picture)))) : null];
    case "context": return h("p", { class: "context" }, block.elements.map((one) => mrkdwn(one.text, picture)));
    case "actions": return h("div", { class: "actions" }, block.elements.map((one) => drawButton(one, message, picture)));
    case "divider": return h("hr");
    default: return h("p", { class: "hint" }, `[${block.type}]`);
  }
}

function drawButton(element, message, picture) {
  const press = async (event) => {
    if (element.confirm && !await asked(element.confirm)) return;
    await once(event.target, () => (message.press ? message.press(element.action_id)
      : post("press", { user: me(picture).slack, ts: message.ts, action: element.action_id })));
  };
  return h("button", { type: "button", class: element.style ?? "", "data-key": element.action_id,
    "aria-label": element.accessibility_label, on: { click: press } }, element.text.text);
}

function asked(confirm) {
  $("confirm-title").textContent = confirm.title.text;
  $("confirm-text").textContent = confirm.text.text;
  $("confirm-yes").textContent = confirm.confirm.text;
  $("confirm-yes").className = confirm.style === "danger" ? "danger" : "";
  $("confirm-no").textContent = confirm.deny.text;
  const dialog = $("confirm");
  return new Promise((decide) => {
    const close = (yes) => () => { dialog.close(); decide(yes); };
    $("confirm-yes").onclick = close(true);
    $("confirm-no").onclick = close(false);
    dialog.oncancel = () => decide(false);
    dialog.showModal();
  });
}

const PIECES = /```\n?([\s\S]*?)\n?```|`([^`\n]+)`|<([^>\n]+)>|\*([^*\n]+)\*/g;
const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");

/** Slack's markup as elements. */
function mrkdwn(text, picture) {
  const parts = [];
  let end = 0;
  for (const found of text.matchAll(PIECES)) {
    parts.push(withIcons(plain(text.slice(end, found.index))));
    const [, block, code, angle, bold] = found;
    if (block !== undefined) parts.push(h("pre", { tabindex: "0" }, plain(block)));
    else if (code !== undefined) parts.push(h("code", {}, plain(code)));
    else if (angle !== undefined) parts.push(special(angle, picture));
    else parts.push(h("b", {}, mrkdwn(bold, picture)));
    end = found.index + found[0].length;
  }
  parts.push(withIcons(plain(text.slice(end))));
  return parts;
}

function special(angle, picture) {
  const [target, words] = angle.split("|");
  if (target.startsWith("@")) {
    return h("span", { class: "mention" }, `@${picture.slack.users[target.slice(1)]?.name ?? target.slice(1)}`);
  }
  if (target.startsWith("!date^")) return h("span", {}, moment(Number(target.split("^")[1])));
  if (/^https?:/.test(target)) return h("a", { href: plain(target) }, plain(words ?? target));
  return plain(words ?? target);
}

export const say = (picture, text) => post("say", { user: me(picture).slack, text });
