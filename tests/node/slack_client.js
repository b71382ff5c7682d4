// Drives the sandbox Slack with @slack/web-api, which posts forms where Python posts JSON: it has to accept it too.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

const { WebClient, LogLevel } = createRequire(`${process.env.NODE_MODULES}/x.js`)("@slack/web-api");
const [base, channel, user] = [process.argv[2], "C0OPS00001", "U0ALICE001"];
const options = { slackApiUrl: `${base}/api/`, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, logLevel: LogLevel.ERROR };
const bot = new WebClient(process.env.BOT_TOKEN, options);
const refused = (code, call) => assert.rejects(call, (error) => error.data?.error === code);

assert.equal((await bot.auth.test()).team_id, "T0TEAM0001");
assert.equal((await bot.users.info({ user })).user.team_id, "T0TEAM0001");
await refused("invalid_auth", () => new WebClient("xoxb-wrong", options).auth.test());

const section = { type: "section", text: { type: "mrkdwn", text: "*hello*" } };
const metadata = { event_type: "rekey_rotation", event_payload: { rotation: "01kakf" } };
const posted = await bot.chat.postMessage({ channel, text: "hello", blocks: [section], metadata });
await bot.chat.update({ channel, ts: posted.ts, text: "edited", blocks: [section] });
await bot.chat.postMessage({ channel, text: "reply", thread_ts: posted.ts });
const history = await bot.conversations.history({ channel, include_all_metadata: true, limit: 200 });
const card = history.messages.find((message) => message.ts === posted.ts);
assert.deepEqual([card.text, card.metadata, card.blocks.length], ["edited", metadata, 1]);
assert.equal((await bot.conversations.replies({ channel, ts: posted.ts })).messages.length, 2);
await bot.chat.postEphemeral({ channel, user, text: "for you alone" });
await refused("channel_not_found", () => bot.chat.postMessage({ channel: "C0NOWHERE1", text: "x" }));
await refused("invalid_blocks", () => bot.chat.postMessage({ channel, text: "x", blocks: Array(51).fill(section) }));

const home = { type: "home", blocks: [section] };
const { view } = await bot.views.publish({ user_id: user, view: home });
assert.equal(view.type, "home");
const modal = { type: "modal", title: { type: "plain_text", text: "Title" }, blocks: [section] };
const opened = await bot.views.open({ trigger_id: process.env.TRIGGER, view: modal });
await bot.views.update({ view_id: opened.view.id, hash: opened.view.hash, view: modal });
await refused("exchanged_trigger_id", () => bot.views.open({ trigger_id: process.env.TRIGGER, view: modal }));

const app = new WebClient(process.env.APP_TOKEN, options);
assert.match((await app.apps.connections.open()).url, /^ws:/);
const quick = async () => { for (let n = 0; n < 20; n += 1) await bot.chat.postMessage({ channel: process.env.LIMITED, text: "quick" }); };
await assert.rejects(quick, (error) => error.code === "slack_webapi_rate_limited_error" && error.retryAfter >= 1);
