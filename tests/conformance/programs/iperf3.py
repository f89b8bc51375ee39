"""The parts of an iperf3 report that do not depend on speed."""
import json
import sys

report = json.load(sys.stdin)
if "error" in report:
    print("error:", report["error"])
    sys.exit()
start, end = report["start"], report["end"]
test = start["test_start"]
print(test["protocol"], "streams", test["num_streams"], "reverse", test["reverse"])
for peer in start["connected"]:
    print("from", peer["local_host"], "to", peer["remote_host"])
sent, received = end["sum_sent"], end["sum_received"]
if test["protocol"] == "TCP":
    # Half of the largest window seen so far, which the first segments still change.
    print("segment size", 32000 < start["tcp_mss_default"] < 33000)
    print("sent enough", sent["bytes"] >= test["bytes"])
    # The server counts what it had read when the client said it was done.
    print("received", 0 < received["bytes"] <= sent["bytes"])
else:
    whole = end["sum"]
    print("packets", whole["packets"] >= test["bytes"] // test["blksize"])
    # A busy machine keeps the receiver from its buffer for any time: how many are lost is nobody's promise.
    print("some arrived", whole["lost_percent"] < 100)
