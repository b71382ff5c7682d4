"""Drives the sandbox Slack with slack_sdk, so that a client that we did not write has to accept it: the Web API, its
refusals, rate limits, and Socket Mode."""

import os
import sys
import threading
import warnings

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

warnings.simplefilter("ignore")  # It advises against messages without text; we send one on purpose.
base, channel, user = sys.argv[1], "C0OPS00001", "U0ALICE001"
bot = WebClient(token=os.environ["BOT_TOKEN"], base_url=f"{base}/api/")


def refused(code, call):
    """The call must fail with this code."""
    try:
        call()
    except SlackApiError as error:
        assert error.response["error"] == code, (code, error.response.data)
    else:
        raise AssertionError(f"expected {code}")


# Who am I, who are you.
assert bot.auth_test()["team_id"] == "T0TEAM0001"
assert bot.users_info(user=user)["user"]["team_id"] == "T0TEAM0001"
assert bot.usergroups_users_list(usergroup="S0APPROVE1")["users"] == [user]
refused("user_not_found", lambda: bot.users_info(user="U0NOBODY01"))
refused("no_such_subteam", lambda: bot.usergroups_users_list(usergroup="S0NOBODY01"))
refused("invalid_auth", lambda: WebClient(token="xoxb-wrong", base_url=f"{base}/api/").auth_test())

# Messages, threads, metadata, edits.
section = {"type": "section", "text": {"type": "mrkdwn", "text": "*hello*"}}
metadata = {"event_type": "rekey_rotation", "event_payload": {"rotation": "01kakf"}}
posted = bot.chat_postMessage(channel=channel, text="hello", blocks=[section], metadata=metadata)
reply = bot.chat_postMessage(channel=channel, text="reply", thread_ts=posted["ts"])
bot.chat_update(channel=channel, ts=posted["ts"], text="edited", blocks=[section, {"type": "divider"}])
(head,) = bot.conversations_history(channel=channel, include_all_metadata=True)["messages"]
assert head["text"] == "edited" and head["metadata"] == metadata and len(head["blocks"]) == 2, head
assert "metadata" not in bot.conversations_history(channel=channel)["messages"][0]
thread = bot.conversations_replies(channel=channel, ts=posted["ts"])["messages"]
assert [message["ts"] for message in thread] == [posted["ts"], reply["ts"]]
for _ in range(4):
    bot.chat_postMessage(channel=channel, text="more")
pages = [len(page["messages"]) for page in bot.conversations_history(channel=channel, limit=2)]
assert pages == [2, 2, 1], pages
assert bot.chat_getPermalink(channel=channel, message_ts=posted["ts"])["permalink"].startswith("http")
bot.chat_postEphemeral(channel=channel, user=user, text="for you alone")
direct = bot.conversations_open(users=user)["channel"]["id"]
assert bot.chat_postMessage(channel=user, text="direct")["channel"] == direct
refused("channel_not_found", lambda: bot.chat_postMessage(channel="C0NOWHERE1", text="x"))
refused("message_not_found", lambda: bot.chat_update(channel=channel, ts="1.000001", text="x"))
refused("thread_not_found", lambda: bot.conversations_replies(channel=channel, ts="1.000001"))
refused("no_text", lambda: bot.chat_postMessage(channel=channel))
refused("invalid_blocks", lambda: bot.chat_postMessage(channel=channel, text="x", blocks=[section] * 51))
refused("user_not_in_channel", lambda: bot.chat_postEphemeral(channel=channel, user="U0NOBODY01", text="x"))
refused("unknown_method", lambda: bot.api_call("chat.dance"))

# Views.
home = {"type": "home", "blocks": [section]}
shown = bot.views_publish(user_id=user, view=home)["view"]
assert shown["type"] == "home" and shown["hash"]
bot.views_publish(user_id=user, view=home, hash=shown["hash"])
refused("hash_conflict", lambda: bot.views_publish(user_id=user, view=home, hash=shown["hash"]))
modal = {"type": "modal", "title": {"type": "plain_text", "text": "Title"}, "blocks": [section]}
refused("invalid_trigger_id", lambda: bot.views_open(trigger_id="1.2.3", view=modal))
opened = bot.views_open(trigger_id=os.environ["TRIGGER"], view=modal)["view"]
refused("exchanged_trigger_id", lambda: bot.views_open(trigger_id=os.environ["TRIGGER"], view=modal))
bot.views_update(view_id=opened["id"], hash=opened["hash"], view=modal)
refused("hash_conflict", lambda: bot.views_update(view_id=opened["id"], hash=opened["hash"], view=modal))

# Socket Mode, with Slack's own client: the harness types a command as soon as it is connected.
heard = threading.Event()


def listen(client, request):
    """Acknowledges with an answer."""
    assert request.type == "slash_commands" and request.payload["text"] == "list", request.to_dict()
    client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload={"text": "heard"}))
    heard.set()


socket = SocketModeClient(app_token=os.environ["APP_TOKEN"], web_client=WebClient(base_url=f"{base}/api/"))
socket.socket_mode_request_listeners.append(listen)
socket.connect()
print("connected", flush=True)
assert heard.wait(20), "no command came"
assert sys.stdin.readline() == "answered\n"
socket.close()

# Too many messages at once: 429 with the seconds to wait.
try:
    for _ in range(20):
        bot.chat_postMessage(channel=os.environ["LIMITED"], text="quick")
    raise AssertionError("twenty messages at once are too many")
except SlackApiError as error:
    assert error.response.status_code == 429 and int(error.response.headers["Retry-After"]) >= 1
