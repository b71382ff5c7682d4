// Slack's forms and the app's home tab, each in a dialog of its own.

import { $, h, post, toast } from "./dom.js";
import { drawBlock } from "./slack.js";
import { me } from "./who.js";

let shown = null;

/** The form at the screen of whoever one is; it opens and closes as the bot wants. */
export function drawForm(picture) {
  const views = Object.values(picture.slack.views ?? {});
  const view = views.filter((one) => one.user === me(picture).slack && one.content.type === "modal").at(-1);
  const print = view ? `${view.id} ${view.hash}` : null;
  if (print === shown) return;
  shown = print;
  const dialog = $("form");
  if (!view) return dialog.close();
  const { title, blocks, submit, close } = view.content;
  const inputs = new Map();
  const fields = blocks.map((block) => (block.type === "input" ? field(block, inputs) : drawBlock(block, {}, picture)));
  const done = (act) => async (event) => {
    event.preventDefault();
    try {
      await act();
    } catch (error) {
      toast(error.message);
    }
  };
  const user = me(picture).slack;
  const send = done(async () => {
    const values = Object.fromEntries([...inputs].map(([name, [input]]) => [name, input.value]));
    const said = await post("form", { user, values });
    for (const [name, [, note]] of inputs) note.textContent = said.errors?.[name] ?? "";
  });
  const leave = done(() => post("form/close", { user }));
  dialog.replaceChildren(h("form", { on: { submit: send } }, h("h2", { id: "form-title" }, title.text), fields, h("menu", {},
    h("button", { type: "button", class: "plain", on: { click: leave } }, close?.text ?? "Cancel"),
    submit ? h("button", { type: "submit", class: "primary" }, submit.text) : null)));
  dialog.oncancel = leave;
  if (!dialog.open) dialog.showModal();
}

function field(block, inputs) {
  const { element } = block;
  const wish = { id: block.block_id, placeholder: element.placeholder?.text, maxlength: element.max_length, required: true };
  const input = element.multiline ? h("textarea", { ...wish, rows: 3 }) : h("input", { ...wish, autocomplete: "off" });
  const note = h("p", { class: "wrong", role: "alert" });
  inputs.set(block.block_id, [input, note]);
  return [h("label", { for: block.block_id }, block.label.text), input, note];
}

/** Opens the app's home tab as it is now. */
export async function openHome(picture) {
  const user = me(picture).slack;
  try {
    const view = await post("home", { user });
    const press = (action) => post("home/press", { user, action }).then(() => $("home-tab").close());
    $("home-tab").replaceChildren(...view.blocks.map((block) => drawBlock(block, { press }, picture)).flat(Infinity).filter(Boolean),
      h("menu", {}, h("button", { type: "button", class: "plain", on: { click: () => $("home-tab").close() } }, "Close")));
    $("home-tab").showModal();
  } catch (error) {
    toast(error.message);
  }
}
