// Slack's own framework with a handler that acknowledges and does nothing else: what the clicks are measured beside.

import { createRequire } from "node:module";

const { App, LogLevel } = createRequire(`${process.env.NODE_MODULES}/x.js`)("@slack/bolt");
const app = new App({
  signingSecret: process.env.SIGNING_SECRET,
  authorize: async () => ({ botToken: "xoxb-bench", botId: "B0BOT00001", botUserId: "U0BOT00001" }),
  endpoints: "/slack/interactions",
  logLevel: LogLevel.ERROR,
});
app.action(/^rekey\./, async ({ ack }) => ack());
const server = await app.start({ port: 0, host: "127.0.0.1" });
console.log(server.address().port);
