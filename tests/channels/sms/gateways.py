"""Kannel and the gateways of India in the contract suite. None of them signs its callbacks."""

import json
from urllib.parse import urlencode

from aftercall.channels.sms.dlt_errors import DLT_ERRORS
from aftercall.channels.sms.exotel import exotel
from aftercall.channels.sms.exotel_errors import SENTENCES
from aftercall.channels.sms.gupshup import gupshup
from aftercall.channels.sms.kannel import KINDS, kannel
from aftercall.channels.sms.msg91 import STATUSES, msg91
from aftercall.engine.messaging import Answer
from aftercall.engine.upstream import Request
from tests.channels.sms.contract import Case, callback, fixture


def of_kannel(code: str, said: str) -> Answer | Request:
    if not code.isdigit():
        return Answer(status=503 if "Temporal" in code else 400, body=code.encode())
    words = f"id:1 stat:UNDELIV err:{code} text:{said}" if code in DLT_ERRORS else f"NACK/{said}"
    kind = code if code.isdigit() and int(code) in KINDS else "2"
    return callback(b"", urlencode({"reference": "dl_01", "dlr": kind, "answer": words}))


def of_msg91(code: str, said: str) -> Answer | Request:
    if code in STATUSES:
        report = {"requestId": "r1", "number": "15558675310", "status": code, "desc": said}
        return callback(json.dumps(report).encode())
    return Answer(status=200, body=json.dumps({"type": "error", "message": said, "code": code}).encode())


def of_exotel(code: str, said: str) -> Answer | Request:
    if code in SENTENCES:
        refusal = {"Status": 403, "Message": f"{code} {said}"}
        return Answer(status=403, body=json.dumps({"RestException": refusal}).encode())
    fields = {"SmsSid": "s1", "Status": "failed", "DetailedStatus": code, "To": "+15558675310"}
    return callback(urlencode(fields).encode())


def of_gupshup(code: str, said: str) -> Answer | Request:
    if code.startswith("1"):
        return Answer(status=200, body=f"error | {code} | {said}".encode())
    report = {"externalId": "1-2", "status": "FAILURE", "errCode": code, "phoneNo": "15558675310"}
    return callback(b"", urlencode(report))


GATEWAYS = [
    Case(
        name="kannel",
        provider=kannel,
        settings={
            "api_base": "https://kannel.example.com:13013",
            "username": "aftercall",
            "password": "password-of-tests",
        },
        accepted=Answer(status=202, body=b"0: Accepted for delivery"),
        callback=callback(b"", fixture("kannel/dlr-delivered.txt").decode()),
        says=of_kannel,
        gives_id=False,
    ),
    Case(
        name="msg91",
        provider=msg91,
        settings={"authkey": "271234A-key-of-tests", "sender": "ACMEIN"},
        accepted=Answer(status=200, body=fixture("msg91/taken.json")),
        callback=callback(fixture("msg91/report-v2.txt")),
        says=of_msg91,
    ),
    Case(
        name="exotel",
        provider=exotel,
        settings={"account_sid": "acme1", "api_key": "key-name", "api_token": "api-token-of-tests"},
        accepted=Answer(status=200, body=fixture("exotel/taken.json")),
        callback=callback(fixture("exotel/status-delivered.txt")),
        says=of_exotel,
    ),
    Case(
        name="gupshup",
        provider=gupshup,
        settings={"userid": "2000000000", "password": "password-of-tests", "sender": "ACMEIN"},
        accepted=Answer(status=200, body=fixture("gupshup/taken.txt")),
        callback=callback(b"", fixture("gupshup/report-get.txt").decode()),
        says=of_gupshup,
    ),
]
