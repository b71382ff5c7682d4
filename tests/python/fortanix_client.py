"""Drives our DSM with Fortanix's own client, so that a client that we did not write has to accept it. The client is older
than replacement, which is therefore not driven."""

import base64
import os

import sdkms.v1
from sdkms.v1.apis.approval_requests_api import ApprovalRequestsApi
from sdkms.v1.apis.authentication_api import AuthenticationApi
from sdkms.v1.apis.security_objects_api import SecurityObjectsApi
from sdkms.v1.models.approval_request_request import ApprovalRequestRequest
from sdkms.v1.models.key_object_state import KeyObjectState
from sdkms.v1.models.key_operations import KeyOperations
from sdkms.v1.models.object_type import ObjectType
from sdkms.v1.models.revocation_reason import RevocationReason
from sdkms.v1.models.revocation_reason_code import RevocationReasonCode
from sdkms.v1.models.sobject_descriptor import SobjectDescriptor
from sdkms.v1.models.sobject_request import SobjectRequest
from sdkms.v1.rest import ApiException

NAME = "deploy token"


def refused(status, call):
    """The call must fail so, in plain text."""
    try:
        call()
    except ApiException as error:
        assert error.status == status, error
        assert not error.body.startswith("{"), error.body
    else:
        raise AssertionError(f"expected {status}")


configuration = sdkms.v1.configuration.Configuration()
configuration.host = os.environ["DSM"]
configuration.app_api_key = os.environ["API_KEY"]
client = sdkms.v1.ApiClient(configuration=configuration)
keys = SecurityObjectsApi(api_client=client)
refused(401, lambda: keys.get_security_objects())
session = AuthenticationApi(api_client=client).authorize()
assert session.token_type == "Bearer" and session.expires_in == 600
configuration.api_key["Authorization"] = session.access_token
configuration.api_key_prefix["Authorization"] = "Bearer"
configuration.app_api_key = ""

# What the adapter wrote, and what it left beside it.
found = keys.get_security_object_ex(SobjectDescriptor(name=NAME))
assert found.obj_type == ObjectType.SECRET and found.state == KeyObjectState.ACTIVE
assert found.custom_metadata["gitlab-token-id"] == "8" and found.custom_metadata["team"] == "deploy"
exported = keys.get_security_object_value_ex(SobjectDescriptor(kid=found.kid))
assert bytes(exported.value).decode() == os.environ["NEW"]
names = [key.name for key in keys.get_security_objects(group_id=found.group_id)]
assert names[1] == NAME and names[0].startswith(f"{NAME} (rekey "), names

# Somebody else's object.
made = keys.import_security_object(
    SobjectRequest(
        name="made by the official client",
        obj_type=ObjectType.SECRET,
        group_id=found.group_id,
        key_ops=[KeyOperations.EXPORT, KeyOperations.APPMANAGEABLE],
        value=bytearray(os.environ["FOREIGN"].encode()),
    )
)
assert made.name == "made by the official client" and made.creator.app
refused(409, lambda: keys.import_security_object(SobjectRequest(
    name=NAME, obj_type=ObjectType.SECRET, group_id=found.group_id, value=bytearray(b"x"))))
refused(404, lambda: keys.get_security_object_ex(SobjectDescriptor(name="missing")))

# Its end, and one that a quorum guards.
keys.revoke_security_object(made.kid, RevocationReason(code=RevocationReasonCode.SUPERSEDED, message="by a test"))
assert keys.get_security_object_ex(SobjectDescriptor(kid=made.kid)).state == KeyObjectState.DEACTIVATED
refused(403, lambda: keys.delete_security_object(made.kid))
approvals = ApprovalRequestsApi(api_client=client)
request = approvals.create_approval_request(
    ApprovalRequestRequest(method="DELETE", operation=f"/crypto/v1/keys/{made.kid}", description="by a test")
)
assert [pending.request_id for pending in approvals.get_approval_requests()] == [request.request_id]
assert approvals.get_approval_request(request.request_id).description == "by a test"
