// The chat side in Discord: embeds, buttons, threads, private lines, forms, and what is proposed while one types.

import { $, h, keep, once, post, quietly } from "./dom.js";
import { inline, markdown } from "./markdown.js";
import { me } from "./who.js";

const STYLES = { 1: "blurple", 2: "grey", 3: "green", 4: "red" };
const nodes = new Map();
let form = null;

const names = (picture) => Object.fromEntries(Object.values(picture.discord.users).map((user) => [user.id, user.name]));

export function drawMessages(picture) {
  const { discord, discord_channel: channel } = picture;
  const items = (discord.channels[channel]?.messages ?? []).map((message) => {
    const thread = discord.channels[message.id];
    return { key: message.id, message, thread, name: thread?.name };
  });
  const own = discord.ephemerals.filter((line) => line.user === me(picture).discord).slice(-4)
    .map((line) => ({ key: line.id, message: { ...line, author: discord.bot }, private: true }));
  const fresh = keep($("discord"), nodes, [...items, ...own], (item) => JSON.stringify([item, me(picture).discord]),
    (item) => drawMessage(item, picture), "Nobody has said anything yet.");
  for (const text of fresh?.querySelectorAll("pre") ?? []) text.scrollTop = text.scrollHeight;
  fresh?.scrollIntoView({ block: fresh.classList.contains("private") ? "nearest" : "start" });
  drawForm(picture);
}

function drawMessage(item, picture) {
  const { message, thread } = item;
  const bot = message.author === picture.discord.bot;
  const name = bot ? "rekey" : names(picture)[message.author] ?? message.author;
  return h("article", { class: `message ${item.private ? "private" : ""}`, "aria-label": `${name}${item.private ? ", only visible to you" : ""}` },
    h("div", { class: `face ${bot ? "bot" : ""}`, "aria-hidden": "true" }, bot ? "rk" : name.slice(0, 1)),
    h("div", {}, h("p", { class: "by" }, h("b", {}, name), bot ? h("small", {}, "APP") : null,
      message.edits ? h("span", { class: "hint" }, "(edited)") : null),
    h("div", { class: "said" }, markdown(message.content, names(picture))),
    message.embeds.map((embed) => drawEmbed(embed, picture)),
    message.components.map((row) => h("div", { class: "actions" }, row.components.map((one) => drawButton(one, message, picture)))),
    thread ? drawThread(thread, picture) : null,
    item.private ? h("p", { class: "eye" }, "Only you can see this") : null));
}

function drawEmbed(embed, picture) {
  const known = names(picture);
  const field = (one) => h("div", { class: one.inline ? "inline" : "" }, h("b", {}, one.name), h("div", {}, markdown(one.value, known)));
  const node = h("div", { class: "embed" },
    embed.title ? h("h3", {}, inline(embed.title, known)) : null,
    embed.description ? h("div", { class: "said" }, markdown(embed.description, known)) : null,
    embed.fields?.length ? h("div", { class: "embed-fields" }, embed.fields.map(field)) : null,
    embed.footer ? h("p", { class: "context" }, embed.footer.text) : null);
  node.style.setProperty("--bar", `#${(embed.color ?? 0x80848e).toString(16).padStart(6, "0")}`);
  return node;
}

function drawThread(thread, picture) {
  const known = names(picture);
  const said = (message) => h("div", { class: "reply" }, h("p", { class: "by" }, h("b", {}, known[message.author] ?? "rekey"),
    message.author === picture.discord.bot ? h("small", {}, "APP") : null), h("div", { class: "said" }, markdown(message.content, known)));
  return h("section", { class: "thread", "aria-label": `Thread: ${thread.name}` },
    h("p", {}, h("b", {}, thread.name), h("span", { class: "hint" }, thread.messages.length === 1 ? " 1 message" : ` ${thread.messages.length} messages`)),
    thread.messages.map(said));
}

function drawButton(element, message, picture) {
  const press = ({ target }) => once(target,
    () => post("discord/press", { user: me(picture).discord, message: message.id, button: element.custom_id }));
  return h("button", { type: "button", class: STYLES[element.style], "data-key": element.custom_id, on: { click: press } }, element.label);
}

/** The form that the bot opened, until it is sent or closed. */
function drawForm(picture) {
  const modal = picture.discord.modals[me(picture).discord]?.data;
  const print = modal ? JSON.stringify(modal) : null;
  if (print === form) return;
  form = print;
  const dialog = $("discord-form");
  if (!modal) { dialog.close(); return; }
  const user = me(picture).discord;
  const close = () => quietly(() => post("discord/submit", { user, values: null }));
  const fields = modal.components.map((part) => (part.type === 10
    ? h("div", { class: "said" }, markdown(part.content, names(picture))) : drawField(part)));
  const filled = h("form", { on: { submit: (event) => {
    event.preventDefault();
    const values = [...event.target.elements].filter((one) => one.name).map((one) => [one.name, one.value]);
    quietly(() => post("discord/submit", { user, values }));
  } } }, h("h2", {}, modal.title), fields, h("menu", {},
    h("button", { type: "button", class: "plain", on: { click: close } }, "Cancel"), h("button", { type: "submit", class: "blurple" }, "Submit")));
  dialog.replaceChildren(filled);
  dialog.oncancel = close;
  dialog.showModal();
  dialog.querySelector("input, textarea")?.focus();
}

function drawField({ label, component }) {
  const { custom_id: name, min_length: minlength, max_length: maxlength, placeholder, required } = component;
  const attributes = { name, minlength, maxlength, placeholder, required: required ?? true, autocomplete: "off" };
  return h("label", {}, label, component.style === 2 ? h("textarea", { ...attributes, rows: "4" }) : h("input", attributes));
}

export const say = (picture, text) => post("discord/say", { user: me(picture).discord, text });

/** The verbs of /rekey, then what the bot proposes for what is being typed. */
export async function propose(picture, text) {
  if (!text.startsWith("/")) return [];
  const [name, verb, ...rest] = text.split(" ");
  const verbs = picture.discord.commands.find((one) => `/${one.name}` === name)?.options ?? [];
  if (!rest.length) return verbs.filter((one) => one.name.startsWith(verb ?? "")).map((one) => [`${name} ${one.name} `, one.description]);
  const typed = rest.at(-1);
  const choices = await post("discord/complete", { user: me(picture).discord, text });
  return choices.map((one) => [`${text.slice(0, text.length - typed.length)}${one.value}`, one.name]);
}
