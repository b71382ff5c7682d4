// Discord's own markup, as far as the bot writes it. Strings become text nodes, so nothing foreign is read as HTML.

import { h, moment, startsWithIcon, withIcons } from "./dom.js";

const PARTS = new RegExp([
  String.raw`\\([^A-Za-z0-9\s])`, // an escape
  "`([^`]+)`", // code
  String.raw`\*\*((?:\\.|[^*\\])+)\*\*`, // bold
  String.raw`<t:(-?\d+):([fR])>`, // a moment
  "<@&?(\\d+)>", // somebody, or everybody with a role
  String.raw`\[((?:\\.|[^\]\\])+)\]\(<?(https?:[^>)]+)>?\)`, // a link
].join("|"), "g");

/** Lines; those that begin with a symbol hang on it, and small print is small. */
export function markdown(text, names) {
  return text.split(/```\n?([\s\S]*?)\n?```/).flatMap((part, index) => {
    if (index % 2) return [h("pre", { tabindex: "0" }, part)];
    return part.split("\n").filter((line, at, all) => line || all.length > 1).map((line) => oneLine(line, names));
  });
}

function oneLine(line, names) {
  if (line.startsWith("-# ")) return h("div", { class: "context" }, inline(line.slice(3), names));
  if (!startsWithIcon(line)) return h("div", {}, inline(line, names));
  const [symbol] = line.split(" ", 1);
  return h("div", { class: "step" }, withIcons(symbol), h("span", {}, inline(line.slice(symbol.length + 1), names)));
}

export function inline(text, names) {
  const nodes = [];
  let last = 0;
  for (const found of text.matchAll(PARTS)) {
    nodes.push(...withIcons(text.slice(last, found.index)));
    const [all, escaped, code, bold, second, form, user, words, url] = found;
    last = found.index + all.length;
    if (escaped) nodes.push(escaped);
    else if (code) nodes.push(h("code", {}, code));
    else if (bold) nodes.push(h("b", {}, inline(bold, names)));
    else if (second) nodes.push(time(Number(second), form));
    else if (user) nodes.push(h("span", { class: "mention" }, `@${names[user] ?? user}`));
    else nodes.push(h("a", { href: url }, inline(words, names)));
  }
  return [...nodes, ...withIcons(text.slice(last))];
}

function time(second, form) {
  const at = new Date(second * 1000);
  const words = form === "R" ? distance(at - Date.now()) : moment(second);
  return h("time", { datetime: at.toISOString() }, words);
}

function distance(milliseconds) {
  const format = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  const units = [["year", 31_536_000], ["month", 2_592_000], ["day", 86_400], ["hour", 3_600], ["minute", 60]];
  const seconds = milliseconds / 1000;
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  return format.format(Math.round(seconds / length), unit);
}
