"""simcord, a Discord that we did not write, behind a port: it takes the bot's REST calls as Discord would, and judges
what the bot answers to interactions that it signs.

Prints one line of JSON with its address, ids and public key, then serves until it is ended. Below /judge it is told
what people do; the answer says what came of it.
"""

import asyncio
import json
import logging
import sys
import time

import simcord.http.routes  # noqa: F401  (registers the routes)
from aiohttp import ClientSession, ClientTimeout, web
from nacl.signing import SigningKey
from simcord.backend import Backend, serializers
from simcord.backend.errors import BackendError
from simcord.http import router
from simcord.interactions import base_payload

logging.disable(logging.CRITICAL)

BACKEND = Backend()
KEY = SigningKey(bytes([7] * 32))
GUILD = BACKEND.create_guild("acme")
CHANNEL = BACKEND.create_channel(GUILD.id, "ops")
BACKEND.add_member(GUILD.id, BACKEND.bot_user.id)
ROLE = BACKEND.create_role(GUILD.id, "token-approver")
PEOPLE = {}
for name in ("alice", "bob", "carol", "eve"):
    PEOPLE[name] = BACKEND.make_user(name)
    BACKEND.add_member(GUILD.id, PEOPLE[name].id, roles=[ROLE.id] if name == "alice" else [])
MODALS = {}


def call(method, path, body=None, params=None):
    """A REST call, answered as Discord would: status and body."""
    try:
        return 200, router.dispatch(BACKEND, method, path, json=body, params=params or {})
    except BackendError as error:
        return error.status, error.to_json()


async def rest(request):
    if not request.headers.get("User-Agent", "").startswith("DiscordBot ("):
        return web.json_response({"message": "User-Agent", "code": 0}, status=403)
    path = "/" + request.match_info["tail"]
    proven = path.startswith(("/webhooks/", "/interactions/"))
    if not proven and request.headers.get("Authorization") != "Bot simcord-token":
        return web.json_response({"message": "401: Unauthorized", "code": 0}, status=401)
    body = await request.json() if request.can_read_body else None
    status, answer = call(request.method, path, body, dict(request.query))
    return web.json_response(answer, status=status)


async def deliver(order, kind, data, source=None):
    """Signs an interaction, sends it to the bot, and lets simcord judge the answer."""
    user = PEOPLE[order["user"]]
    record, payload = base_payload(
        BACKEND, type=kind, channel_id=CHANNEL.id, guild_id=GUILD.id, user_id=user.id, data=data
    )
    payload["authorizing_integration_owners"] = {"0": str(GUILD.id)}
    if source is not None:
        message = BACKEND.get_message(CHANNEL.id, source)
        record.source_message_id = message.id
        payload["message"] = serializers.message_payload(BACKEND, message)
    body, stamp = json.dumps(payload), str(order["time"])
    signature = KEY.sign(stamp.encode() + body.encode()).signature.hex()
    headers = {
        "X-Signature-Ed25519": signature,
        "X-Signature-Timestamp": stamp,
        "Content-Type": "application/json",
    }
    began = time.monotonic()
    async with ClientSession(timeout=ClientTimeout(total=3)) as client:
        async with client.post(order["bot"] + "/discord/interactions", data=body, headers=headers) as response:
            status, answer = response.status, await response.json(content_type=None)
    path = f"/interactions/{record.id}/{record.token}/callback"
    judged, verdict = call("POST", path, answer)
    if answer.get("type") == 9:
        MODALS[order["user"]] = (answer["data"], source)
    return web.json_response(
        {"status": status, "answer": answer, "judged": judged, "verdict": verdict, "took": time.monotonic() - began}
    )


async def press(request):
    order = await request.json()
    data = {"custom_id": order["custom_id"], "component_type": 2, "id": 2}
    return await deliver(order, 3, data, int(order["message"]))


async def command(request):
    order = await request.json()
    options = [{"name": name, "type": 3, "value": value} for name, value in order["values"]]
    if order.get("typing"):
        options[-1]["focused"] = True
    sub = {"name": order["verb"], "type": 1, "options": options}
    data = {"id": "1300000000000000301", "name": "rekey", "type": 1, "options": [sub]}
    return await deliver(order, 4 if order.get("typing") else 2, data)


async def submit(request):
    order = await request.json()
    modal, source = MODALS.pop(order["user"])
    parts = []
    for part in modal["components"]:
        if part["type"] == 18:
            field = part["component"]
            value = order["values"].get(field["custom_id"], "")
            parts.append({"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": field["custom_id"], "value": value}})
        else:
            parts.append({"type": part["type"], "id": 3})
    return await deliver(order, 5, {"custom_id": modal["custom_id"], "components": parts}, source)


async def state(_request):
    messages = [m for c in (CHANNEL.id, *_threads()) for m in _messages(c)]
    return web.json_response({"messages": messages})


def _threads():
    return [c.id for c in BACKEND.channels.values() if getattr(c, "parent_id", None) == CHANNEL.id]


def _messages(channel):
    """Newest first, with those that only one person sees, which the API lists for nobody."""
    kept = sorted(BACKEND.messages[channel].values(), key=lambda message: -message.id)
    return [dict(serializers.message_payload(BACKEND, one), channel=str(channel)) for one in kept]


async def main():
    app = web.Application()
    app.router.add_route("*", "/api/v10/{tail:.*}", rest)
    app.router.add_post("/judge/press", press)
    app.router.add_post("/judge/command", command)
    app.router.add_post("/judge/submit", submit)
    app.router.add_get("/judge/state", state)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    about = {
        "url": f"http://127.0.0.1:{port}",
        "guild": str(GUILD.id),
        "channel": str(CHANNEL.id),
        "application": str(BACKEND.application_id),
        "public_key": KEY.verify_key.encode().hex(),
        "people": {name: str(user.id) for name, user in PEOPLE.items()},
    }
    print(json.dumps(about), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
