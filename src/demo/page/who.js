// Who looks at the page, and in which messenger.

import { $, h, render } from "./dom.js";

let person = null;
let chat = null;

export const me = (picture) => picture.people.find((one) => one.name === person) ?? picture.people[0];

/** The messenger that is looked at. */
export const shownChat = (picture) => (chat && picture[chat] ? chat : picture.slack ? "slack" : "discord");

export function drawWho(picture, redraw) {
  const names = { slack: "Slack", discord: "Discord" };
  const there = Object.keys(names).filter((name) => picture[name]);
  render("chats", [there, shownChat(picture)], () => there.map((name) => h("button", {
    type: "button", role: "radio", "data-key": name, "aria-checked": String(name === shownChat(picture)),
    on: { click: () => { chat = name; redraw(); } },
  }, names[name])));
  $("chats").hidden = there.length < 2;
  render("who", [picture.people, me(picture).name], () => picture.people.map((one) => h("button", {
    type: "button", role: "radio", "data-key": one.name, title: one.role, "aria-checked": String(one.name === me(picture).name),
    on: { click: () => { person = one.name; redraw(); } },
  }, one.name, h("small", {}, one.role))));
  $("as").textContent = me(picture).name;
  $("home").hidden = shownChat(picture) !== "slack";
  for (const name of Object.keys(names)) $(name).hidden = name !== shownChat(picture);
}
