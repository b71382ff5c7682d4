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

/** Renders into an element when `data` is another than last time; keeps the focus on what has the same `data-key`. */
export function render(id, data, draw) {
  const print = JSON.stringify(data);
  if (shown.get(id) === print) return false;
  shown.set(id, print);
  const place = $(id);
  const key = place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const open = new Set([...place.querySelectorAll("details[open]")].map((one) => one.dataset.key));
  place.replaceChildren(...[draw(data)].flat(Infinity).filter(Boolean));
  for (const one of place.querySelectorAll("details")) if (open.has(one.dataset.key)) one.open = true;
  if (key) place.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
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
    const focus = known?.node.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const node = draw(item);
    if (known) known.node.replaceWith(node);
    else fresh = node;
    nodes.set(item.key, { print: now, node });
    if (focus) node.querySelector(`[data-key="${CSS.escape(focus)}"]`)?.focus();
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

let hide;
export function toast(text) {
  const place = $("toast");
  place.textContent = text;
  place.hidden = false;
  clearTimeout(hide);
  hide = setTimeout(() => { place.hidden = true; }, 6000);
}

export const day = (text) => (text ? new Date(`${text}T00:00:00Z`).toLocaleDateString("en-GB",
  { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }) : "never");

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
