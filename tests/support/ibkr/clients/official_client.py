"""Opens a session on a port with Interactive Brokers' own client and prints what it understood, as JSON."""

import json
import sys
import threading

from ibapi.client import EClient
from ibapi.wrapper import EWrapper


class App(EWrapper, EClient):
    def __init__(self):
        EClient.__init__(self, self)
        self.understood = {"notices": []}
        self.done = threading.Event()

    def managedAccounts(self, accountsList):
        self.understood["accounts"] = accountsList.split(",")

    def nextValidId(self, orderId):
        self.understood["next_order_id"] = orderId
        self.understood["server_version"] = self.serverVersion()
        self.reqCurrentTime()

    def currentTime(self, time):
        self.understood["time"] = time
        self.done.set()

    def error(self, reqId, errorTime, errorCode, errorString, advancedOrderRejectJson=""):
        self.understood["notices"].append([errorCode, errorString])

    def connectionClosed(self):
        self.done.set()


port, client_id, patience_seconds = map(int, sys.argv[1:])
app = App()
app.connect("127.0.0.1", port, client_id)
reader = threading.Thread(target=app.run, daemon=True)
reader.start()
app.done.wait(patience_seconds)
print(json.dumps(app.understood))
app.disconnect()
