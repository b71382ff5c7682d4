"""AWS's official client for Secrets Manager and for roles, against the fake that rekey is tested with."""

import os
import uuid

import boto3
from botocore.exceptions import ClientError

REGION, NAME = "eu-central-1", "deploy/token"

# A pod's web identity, by the profile; then a role in the account of the secret.
sts = boto3.client("sts", region_name=REGION, endpoint_url=os.environ["STS"])
assumed = sts.assume_role(
    RoleArn=os.environ["TARGET_ROLE"], RoleSessionName="python", ExternalId=os.environ["EXTERNAL_ID"]
)["Credentials"]
client = boto3.client(
    "secretsmanager",
    region_name=REGION,
    endpoint_url=os.environ["API"],
    aws_access_key_id=assumed["AccessKeyId"],
    aws_secret_access_key=assumed["SecretAccessKey"],
    aws_session_token=assumed["SessionToken"],
)


def refused(code, call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        return
    raise AssertionError(f"{code} was expected")


def labels():
    return client.describe_secret(SecretId=NAME)["VersionIdsToStages"]


def current():
    return client.get_secret_value(SecretId=NAME, VersionStage="AWSCURRENT")


before = current()
old = before["VersionId"]
new = str(uuid.uuid4())

# A version beside the current one; the same again does nothing, another text under its name is refused.
for _ in range(2):
    put = client.put_secret_value(
        SecretId=NAME, ClientRequestToken=new, SecretString="from python", VersionStages=["AWSPENDING"]
    )
    assert put["VersionId"] == new, put
refused("ResourceExistsException", client.put_secret_value, SecretId=NAME, ClientRequestToken=new, SecretString="x")
refused(
    "ValidationException", client.put_secret_value, SecretId=NAME, ClientRequestToken=str(uuid.uuid4()),
    SecretString="x" * 65_537,
)
assert current()["SecretString"] == before["SecretString"]
assert client.get_secret_value(SecretId=NAME, VersionStage="AWSPENDING")["SecretString"] == "from python"
assert labels() == {old: ["AWSCURRENT"], new: ["AWSPENDING"]}, labels()

# Compare and set.
move = {"SecretId": NAME, "VersionStage": "AWSCURRENT"}
refused("InvalidParameterException", client.update_secret_version_stage, **move, MoveToVersionId=new)
refused(
    "InvalidParameterException", client.update_secret_version_stage, **move, MoveToVersionId=new,
    RemoveFromVersionId=new,
)
client.update_secret_version_stage(**move, MoveToVersionId=new, RemoveFromVersionId=old)
assert current()["VersionId"] == new
assert set(labels()[new]) == {"AWSPENDING", "AWSCURRENT"} and labels()[old] == ["AWSPREVIOUS"], labels()
client.update_secret_version_stage(SecretId=NAME, VersionStage="AWSPENDING", RemoveFromVersionId=new)

# And back.
client.update_secret_version_stage(**move, MoveToVersionId=old, RemoveFromVersionId=new)
assert labels() == {old: ["AWSCURRENT"], new: ["AWSPREVIOUS"]}, labels()
refused("ResourceNotFoundException", client.describe_secret, SecretId="another")
refused("ResourceNotFoundException", client.get_secret_value, SecretId=NAME, VersionStage="NOWHERE")

expired = boto3.client(
    "secretsmanager", region_name=REGION, endpoint_url=os.environ["API"], aws_access_key_id="ASIAOLD",
    aws_secret_access_key="x", aws_session_token="x",
)
refused("ExpiredTokenException", expired.describe_secret, SecretId=NAME)
print("accepted")
