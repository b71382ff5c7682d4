"""Drives the sandbox GitLab with python-gitlab, so that a client that we did not write has to accept it."""

import hashlib
import os
import sys

import gitlab

url = sys.argv[1]
bot = gitlab.Gitlab(url, private_token=os.environ["BOT_TOKEN"], retry_transient_errors=False)
admin = gitlab.Gitlab(url, private_token=os.environ["ADMIN_TOKEN"])
old = int(os.environ["OLD_TOKEN_ID"])


def refused(status, call):
    """The call must fail with this status."""
    try:
        call()
    except gitlab.exceptions.GitlabError as error:
        assert error.response_code == status, (status, error.response_code, error)
    else:
        raise AssertionError(f"expected {status}")


# Who am I, what is this.
bot.auth()
assert bot.user.username == "rekey-bot"
assert bot.version()[0].startswith("19.")
assert bot.users.list(username="deploy-bot")[0].id == int(os.environ["ACCOUNT_ID"])

# Tokens by page and filter.
everyone = admin.personal_access_tokens.list(iterator=True, per_page=10)
assert everyone.total == 28, everyone.total
assert len(list(everyone)) == 28
soon = admin.personal_access_tokens.list(expires_before="2027-02-01", state="active", search="personal", get_all=True)
assert len(soon) == 25
assert [token.name for token in bot.personal_access_tokens.list()] == ["rekey"]
assert bot.personal_access_tokens.get("self").active
refused(401, lambda: bot.personal_access_tokens.get(old))
refused(404, lambda: admin.personal_access_tokens.get(1))

# Service accounts: create beside the old one, rotate, revoke.
group = bot.groups.get("acme")
account = next(a for a in group.service_accounts.list(iterator=True) if a.username == "deploy-bot")
assert [token.id for token in account.access_tokens.list(state="active")] == [old]
new = account.access_tokens.create({"name": "deploy", "scopes": ["read_api"], "expires_at": "2027-11-20"})
assert new.token.startswith("glpat-") and len(new.token) == 26
rotated = account.access_tokens.rotate(new.id, expires_at="2027-10-01")
assert rotated["expires_at"] == "2027-10-01" and rotated["token"] != new.token
refused(400, lambda: account.access_tokens.rotate(new.id))
account.access_tokens.delete(old)
account.access_tokens.delete(old)
assert [token.id for token in account.access_tokens.list(state="active")] == [rotated["id"]]

# Variables by scope.
project = bot.projects.get("acme/deploy")
assert project.permissions["project_access"]["access_level"] == 40
project.variables.create({"key": "DEPLOY_TOKEN", "value": "staging-value", "environment_scope": "staging"})
refused(409, lambda: project.variables.get("DEPLOY_TOKEN"))
scope = {"environment_scope": "*"}
project.variables.update("DEPLOY_TOKEN", {"value": rotated["token"], "filter": scope})
variable = project.variables.get("DEPLOY_TOKEN", filter=scope)
assert variable.value == rotated["token"] and variable.masked and variable.protected
assert len(project.variables.list(get_all=True)) == 2
project.variables.delete("DEPLOY_TOKEN", filter={"environment_scope": "staging"})
hidden = project.variables.create({"key": "HIDDEN", "value": "12345678", "masked_and_hidden": True})
assert hidden.hidden and project.variables.get("HIDDEN").value is None

# A pipeline really uses the variable.
pipeline = project.pipelines.create({"ref": "main"})
assert pipeline.id > 2**31
assert project.pipelines.get(pipeline.id).status == "success"
jobs = {job.name: job for job in pipeline.jobs.list(scope=["success", "failed"])}
assert set(jobs) == {"compile", "deploy"}
deploy = project.jobs.get(jobs["deploy"].id)
log = deploy.trace().decode()
assert "Job succeeded" in log and "glpat-[MASKED]" in log and rotated["token"] not in log
assert account.access_tokens.list(state="active")[0].last_used_at
again = deploy.retry()
assert again["id"] != deploy.id
pipeline.retry()
assert project.pipelines.list(ref="main", source="api")[0].id == pipeline.id

# A schedule is played and its pipeline found.
schedule = project.pipelineschedules.get(int(os.environ["SCHEDULE_ID"]))
schedule.play()
assert schedule.pipelines.list(sort="desc")[0].source == "schedule"

# Secure files: a name is taken once, and what is there cannot be changed.
content = b"glpat-Secure\r\nFile--\n"
secure = project.secure_files.create({"name": "deploy.npmrc", "file": content})
assert secure.checksum == hashlib.sha256(content).hexdigest() and secure.checksum_algorithm == "sha256"
assert [file.name for file in project.secure_files.list(get_all=True)] == ["deploy.npmrc"]
assert project.secure_files.get(secure.id).download() == content
refused(400, lambda: project.secure_files.create({"name": "deploy.npmrc", "file": b"other"}))
project.secure_files.delete(secure.id)
refused(404, lambda: project.secure_files.get(secure.id))

# Issues and comments.
issue = project.issues.create({"title": "Rotate deploy", "labels": ["rekey"], "confidential": True})
issue.notes.create({"body": "minted"})
issue.description = "- [x] minted"
issue.due_date = "2026-11-28"
issue.state_event = "close"
issue.save()
assert project.issues.list(labels=["rekey"], state="closed", author_id=bot.user.id)[0].iid == issue.iid
assert [note.body for note in issue.notes.list()] == ["minted"]

# Project access tokens.
own = project.access_tokens.create({"name": "scan", "scopes": ["api"], "expires_at": "2027-01-01", "access_level": 30})
assert project.access_tokens.get(own.id).access_level == 30
own.rotate(expires_at="2027-02-01")
project.access_tokens.delete(project.access_tokens.list(state="active")[0].id)
assert project.access_tokens.list(state="active") == []

# An administrator's token for a user, and revocation by itself.
user = admin.users.get(int(os.environ["ACCOUNT_ID"]))
made = user.personal_access_tokens.create({"name": "by admin", "scopes": ["api"], "expires_at": "2027-01-01"})
itself = gitlab.Gitlab(url, private_token=made.token)
itself.personal_access_tokens.delete("self")
refused(401, lambda: itself.auth())
print("python-gitlab", gitlab.__version__, "accepts the sandbox")
