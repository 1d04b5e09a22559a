"""Opens a session on a port with ib_async and prints what it understood, as JSON."""

import json
import sys

from ib_async import IB, StartupFetchNONE

port, client_id, patience_seconds = map(int, sys.argv[1:])
notices = []
ib = IB()
ib.errorEvent += lambda request, code, text, contract: notices.append([code, text])
try:
    ib.connect(
        "127.0.0.1", port, client_id, timeout=patience_seconds, readonly=True, fetchFields=StartupFetchNONE
    )
    understood = {
        "server_version": ib.client.serverVersion(),
        "accounts": ib.managedAccounts(),
        "next_order_id": ib.client.getReqId(),
        "time": int(ib.reqCurrentTime().timestamp()),
    }
except (ConnectionError, TimeoutError):
    understood = {}
print(json.dumps({**understood, "notices": notices}))
ib.disconnect()
