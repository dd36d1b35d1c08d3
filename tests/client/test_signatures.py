"""Signatures of webhooks: what the registry sent holds, and nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voltrail.client import verify_webhook
from voltrail.client.signatures import sign_webhook, write_secret
from voltrail.errors import VerificationError

KEY = bytes(range(32))
SECRET = write_secret(KEY)
BODY = b'{"log":"x","events":[{"id":"1"}]}'
AT = 1_780_000_000


def headers(keys=(KEY,), identifier="msg_1", at_s=AT, body=BODY):
    return {
        "Webhook-Id": identifier,
        "Webhook-Timestamp": str(at_s),
        "Webhook-Signature": sign_webhook(keys, identifier, at_s, body),
    }


def refused(secret, given, body, now_s=AT):
    with pytest.raises(VerificationError) as told:
        verify_webhook(secret, given, body, now_s=now_s)
    return told.value.rule


def test_the_scheme_is_that_of_the_standard():
    """The example that Standard Webhooks publishes gives its signature."""
    body = b'{"test": 2432232314}'
    given = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    with pytest.raises(VerificationError) as told:  # the signature holds; the body is no registry's
        verify_webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", given, body, now_s=1614265330)
    assert told.value.rule == "webhook.body"


def test_what_was_signed_holds_with_each_of_two_secrets():
    """While a secret is changed, both the old and the new one verify."""
    other = bytes(32)
    for secret in (SECRET, write_secret(other)):
        assert verify_webhook(secret, headers((KEY, other)), BODY, now_s=AT) == [{"id": "1"}]


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_no_byte_may_change(place, by):
    """A body of which one byte is another does not hold."""
    changed = bytearray(BODY)
    changed[place] ^= by
    assert refused(SECRET, headers(), bytes(changed)) == "webhook.signature"


def test_what_is_old_or_stripped_or_of_another_is_refused():
    """Replays after five minutes, missing headers, other secrets and other versions hold nothing."""
    assert refused(SECRET, headers(), BODY, AT + 301) == "webhook.time"
    assert refused(SECRET, headers(), BODY, AT - 301) == "webhook.time"
    assert refused(write_secret(bytes(32)), headers(), BODY) == "webhook.signature"
    assert refused(SECRET, headers() | {"Webhook-Id": "msg_2"}, BODY) == "webhook.signature"
    assert refused(SECRET, headers() | {"Webhook-Timestamp": str(AT + 1)}, BODY) == "webhook.signature"
    assert refused(SECRET, {}, BODY) == "webhook.headers"
    assert refused(SECRET, headers() | {"Webhook-Timestamp": "１"}, BODY) == "webhook.headers"
    other = headers()["Webhook-Signature"].replace("v1,", "v2,")
    assert refused(SECRET, headers() | {"Webhook-Signature": other}, BODY) == "webhook.signature"
    assert refused(SECRET, headers() | {"Webhook-Signature": "v1,é"}, BODY) == "webhook.signature"
    assert refused("secret", headers(), BODY) == "webhook.secret"
    assert refused("whsec_AAAA", headers(), BODY) == "webhook.secret"
