"""discord.py, the client that most bots for Discord in Python use, takes the sandbox for Discord: it logs in, connects
to the Gateway, posts, edits, begins a thread, registers a command and answers it. Argument: the sandbox's address."""

import asyncio
import os
import sys

import discord
import yarl
from discord import app_commands, gateway

discord.http.Route.BASE = sys.argv[1] + "/api/v10"
gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(sys.argv[1].replace("http", "ws", 1) + "/gateway/")
GUILD, CHANNEL = int(os.environ["GUILD"]), int(os.environ["CHANNEL"])

client = discord.Client(intents=discord.Intents.none())
tree = app_commands.CommandTree(client)
done = asyncio.Event()


@tree.command(name="rekey", description="for the sandbox", guild=discord.Object(GUILD))
async def rekey(interaction, token: str):
    await interaction.response.send_message(f"heard {token}", ephemeral=True)
    await interaction.followup.send("and more", ephemeral=True)
    done.set()


async def play():
    async with client:
        await client.login(os.environ["BOT_TOKEN"])
        connected = asyncio.create_task(client.connect())
        await client.wait_until_ready()
        channel = await client.fetch_channel(CHANNEL)
        button = discord.ui.View(timeout=None)
        button.add_item(discord.ui.Button(label="Approve", custom_id="approve"))
        message = await channel.send("a card", embed=discord.Embed(title="t"), view=button, nonce="n-1")
        await message.edit(content="a card, edited")
        assert [one.content async for one in channel.history(limit=5)] == ["a card, edited"]
        thread = await message.create_thread(name="details", auto_archive_duration=1440)
        assert thread.id == message.id
        await thread.send("said in the thread")
        try:
            await channel.send("x" * 2001)
            sys.exit("a message that is too long was taken")
        except discord.HTTPException as error:
            assert (error.status, error.code) == (400, 50035), error
        try:
            await (await client.fetch_channel(CHANNEL)).fetch_message(1)
            sys.exit("a message that is not there was found")
        except discord.NotFound as error:
            assert error.code == 10008, error
        assert [one.name for one in await tree.sync(guild=discord.Object(GUILD))] == ["rekey"]
        print("ready", flush=True)
        await asyncio.wait_for(done.wait(), 20)
        await client.close()
        await connected


asyncio.run(play())
