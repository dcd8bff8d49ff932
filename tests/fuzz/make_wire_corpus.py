#!/usr/bin/python3
"""Writes corpus/wire: Locust's messages, packed by the library Locust uses.

The unit tests compare swarm's own bytes with these files, so they are the
golden bytes as well as the seeds of the fuzz target.
"""
import os
import struct

import msgpack

ID = "host1_0123456789abcdef0123456789abcdef"
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "corpus", "wire")
ERROR = "HTTPError('500 Server Error: INTERNAL SERVER ERROR for url: /fail')"
ERROR_KEY = "0e43cc34712eefa4b60c34a65829be70eefe91ef942252c7ce5043e4e1775728"


def entry(name, method, last, start, requests, failures, total, greatest,
          least, size, times, per_sec, fail_per_sec):
    return {
        "name": name, "method": method, "last_request_timestamp": last,
        "start_time": start, "num_requests": requests,
        "num_none_requests": 0, "num_failures": failures,
        "total_response_time": total, "max_response_time": greatest,
        "min_response_time": least, "total_content_length": size,
        "response_times": times, "num_reqs_per_sec": per_sec,
        "num_fail_per_sec": fail_per_sec}


ok = entry("/ok", "GET", 1795249173.4597614, 1795249172.491855, 1, 0,
           1.6414050001003488, 1.6414050001003488, 1.6414050001003488, 33,
           {2: 1}, {1795249173: 1}, {})
failed = entry("/fail", "GET", 1795249173.963046, 1795249172.4918673, 1, 1,
               1.6110980000121344, 1.6110980000121344, 1.6110980000121344, 33,
               {2: 1}, {1795249173: 1}, {1795249173: 1})
total = entry("Aggregated", "", 1795249173.963046, 1795249172.49, 2, 1,
              3.2525030001124832, 1.6414050001003488, 1.6110980000121344, 66,
              {2: 2}, {1795249173: 2}, {1795249173: 1})
idle = entry("Aggregated", None, None, 1795249172.49, 0, 0, 0, 0, None, 0,
             {}, {}, {})
# 2.12.1 packs the keys of 100 ms and more as floats.
slow = entry("/slow", "POST", 1795249173.5, 1795249172.5, 4, 0, 1260.5, 880.0,
             99.25, 0, {99: 1, 100.0: 1, 180.0: 1, 880.0: 1},
             {1795249172: 1, 1795249173: 3}, {})
slow_total = dict(slow, name="Aggregated", method="")
error = {"name": "/fail", "method": "GET", "error": ERROR, "occurrences": 1}

MESSAGES = {
    "client_ready": ["client_ready", "2.46.3", ID],
    "client_ready_no_check": ["client_ready", -1, ID],
    "client_ready_debian": ["client_ready", "", ID],
    "ack": ["ack", {"index": 0}, ID],
    "ack_old": ["ack", None, ID],
    "heartbeat": ["heartbeat", {
        "state": "ready", "current_cpu_usage": 0.0,
        "current_memory_usage": 59609088}, ID],
    "heartbeat_reply": ["heartbeat", None, ID],
    "spawn": ["spawn", {
        "timestamp": 1795249162.9734259,
        "user_classes_count": {"Alpha": 1, "Beta": 0},
        "host": "http://127.0.0.1:28180", "stop_timeout": 0.0,
        "parsed_options": {}}, ID],
    "spawn_old": ["spawn", {
        "timestamp": 1795249162, "user_classes_count": {"Alpha": 1},
        "host": None, "stop_timeout": None,
        "parsed_options": {"users": 6, "tags": None}}, ID],
    "spawning": ["spawning", None, ID],
    "spawning_complete": ["spawning_complete", {
        "user_classes_count": {"Alpha": 1, "Beta": 0}, "user_count": 1}, ID],
    "ramp_complete": ["spawning_complete", {"user_count": 6}, ID],
    "exception": ["exception", {
        "msg": "kaboom",
        "traceback": "  File \"task.py\", line 363, in run\n"}, ID],
    "logs": ["logs", {
        "worker_id": ID,
        "logs": ["[2026-11-21 08:19:20,473] host1/INFO/locust.main: Start"]},
        ID],
    "quit": ["quit", None, ID],
    "stats": ["stats", {
        "stats": [ok, failed], "stats_total": total,
        "errors": {ERROR_KEY: dict(error, first_seen=1795249173.9630904,
                                   last_seen=1795249173.9630904)},
        "user_classes_count": {"Alpha": 0, "Beta": 0}, "user_count": 0}, ID],
    "stats_old": ["stats", {
        "stats": [slow], "stats_total": slow_total,
        "errors": {"key": error},
        "user_classes_count": {"Alpha": 3}, "user_count": 3}, ID],
    "stats_idle": ["stats", {
        "stats": [], "stats_total": idle, "errors": {},
        "user_classes_count": {}, "user_count": 0}, ID],
    "custom": ["ping", {"a": [1, 2.5, None, True, "x", b"y", -1, 2**40]}, ID],
}


def main():
    os.makedirs(FOLDER, exist_ok=True)
    for name, message in MESSAGES.items():
        with open(os.path.join(FOLDER, name), "wb") as f:
            f.write(msgpack.packb(message))
    with open(os.path.join(FOLDER, "bomb_array"), "wb") as f:
        f.write(b"\x93\xa1x\xdd" + struct.pack(">I", 2**32 - 1) + b"\xa1y")
    with open(os.path.join(FOLDER, "bomb_map"), "wb") as f:
        f.write(b"\x93\xa1x\xdf" + struct.pack(">I", 2**32 - 1) + b"\xa1y")
    with open(os.path.join(FOLDER, "deep"), "wb") as f:
        f.write(b"\x91" * 1000)


if __name__ == "__main__":
    main()
