// Building blocks: elements from text (never from markup), and rendering only what has changed.

export const $ = (id) => document.getElementById(id);

/** An element; strings become text, so nothing foreign is ever read as markup. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

const shown = new Map();

// Where the focus was last outside a dialog: an entry of a list, and what in it.
let last = null;
document.addEventListener("focusin", ({ target }) => {
  if (target.closest("dialog")) return;
  const entry = target.closest("[data-entry]");
  last = entry && { list: entry.parentElement, entry: entry.dataset.entry, key: target.dataset.key };
});

/** Focuses what has this key, or what it stood in if that is gone: whoever uses the keyboard is not sent to the top. */
function focusIn(node, key) {
  const same = key ? node.querySelector(`[data-key="${CSS.escape(key)}"]`) : null;
  if (!same) node.tabIndex = -1;
  (same ?? node).focus({ preventScroll: !same });
}

// What opened a dialog may have been drawn anew meanwhile: the browser does not find it again then.
for (const dialog of document.querySelectorAll("dialog")) dialog.addEventListener("close", () => {
  const now = document.activeElement;
  if (!last || (now !== document.body && !now.closest("dialog:not([open])"))) return;
  const entry = last.list.querySelector(`:scope > [data-entry="${CSS.escape(last.entry)}"]`);
  if (entry) focusIn(entry, last.key);
});

/** Renders into an element when `data` is another than last time; keeps the focus on what has the same `data-key`. */
export function render(id, data, draw) {
  const print = JSON.stringify(data);
  if (shown.get(id) === print) return false;
  shown.set(id, print);
  const place = $(id);
  const focus = place.contains(document.activeElement) ? document.activeElement : null;
  const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  place.replaceChildren(...[draw(data)].flat(Infinity).filter(Boolean));
  for (const one of place.querySelectorAll("details")) if (open.has(one.dataset.key)) one.open = true;
  if (focus && focus !== place) focusIn(place, focus.dataset.key);
  return true;
}

export async function post(path, body = {}) {
  const answer = await fetch(path, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  const text = await answer.text();
  const said = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Error(said.error || `the demo answers ${answer.status}`);
  return said;
}

/** Keeps the nodes of a list whose items did not change, and the focus in those that did. The newest new node. */
export function keep(place, nodes, items, print, draw, empty) {
  if (!items.length) {
    if (nodes.size || !place.children.length) place.replaceChildren(h("p", { class: "empty" }, empty));
    nodes.clear();
    return null;
  }
  if (!nodes.size) place.replaceChildren();
  let fresh = null;
  for (const item of items) {
    const now = print(item);
    const known = nodes.get(item.key);
    if (known?.print === now) continue;
    const focus = known?.node.contains(document.activeElement) ? document.activeElement : null;
    const node = draw(item);
    node.dataset.entry = item.key;
    if (known) known.node.replaceWith(node);
    else fresh = node;
    nodes.set(item.key, { print: now, node });
    if (focus) focusIn(node, focus.dataset.key);
  }
  const kept = new Set(items.map((item) => item.key));
  for (const [key, { node }] of nodes) if (!kept.has(key)) { node.remove(); nodes.delete(key); }
  items.forEach((item, index) => {
    const { node } = nodes.get(item.key);
    if (place.children[index] !== node) place.insertBefore(node, place.children[index] ?? null);
  });
  return fresh;
}

/** Does it; what goes wrong is told. */
export async function quietly(act) {
  try {
    await act();
  } catch (error) {
    toast(error.message);
  }
}

/** Does what a button is for, once at a time. It stays enabled, since a button that is not loses the focus. */
export async function once(button, act) {
  if (button.getAttribute("aria-disabled")) return;
  button.setAttribute("aria-disabled", "true");
  await quietly(act);
  button.removeAttribute("aria-disabled");
}

let hide;
export function toast(text) {
  const place = $("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => { place.hidden = true; }, 6000);
}

export const day = (text) => text ?? "never";

/** A moment in the reader's zone, written as the bot writes dates everywhere. */
export function moment(seconds) {
  const at = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function ago(text, now) {
  if (!text) return "never";
  const seconds = Math.max(0, Math.round((new Date(now) - new Date(text)) / 1000));
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
}

const ICONS = { "✅": ["done", "done"], "❌": ["failed", "failed"], "🔄": ["now", "running"], "⬜": ["todo", "to do"],
  "➖": ["skip", "skipped"], "⏳": ["wait", "waiting"], "⚠️": ["warn", "attention"], "🚧": ["warn", "blocked"],
  "🗓️": ["wait", "planned"], "↩️": ["now", "back"], "⏹️": ["skip", "ended"], "⏸️": ["wait", "paused"], "🛟": ["safe", "safe"] };
const SYMBOLS = new RegExp(`(${Object.keys(ICONS).join("|")})`);

/** Text in which symbols are drawn: not every machine has a font for them. */
export function withIcons(text) {
  return text.split(SYMBOLS).filter(Boolean).map((part) => (ICONS[part]
    ? h("i", { class: `icon ${ICONS[part][0]}`, role: "img", "aria-label": ICONS[part][1] }) : part));
}

export const startsWithIcon = (text) => text.search(SYMBOLS) === 0;
