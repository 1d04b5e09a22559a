"""Asks the gateways at some URLs with ibind and prints what it understood of each, as JSON."""

import json
import sys

from ibind import IbkrClient


def attempt(call):
    try:
        return call()
    except Exception as refused:
        return type(refused).__name__


def understood(url):
    client = IbkrClient(url=url + "/", max_retries=1)
    return {
        "health": attempt(client.check_health),
        "auth_status": attempt(client.check_auth_status),
        "login": attempt(lambda: client.validate().data),
    }


print(json.dumps([understood(url) for url in sys.argv[1:]]))
