#!/usr/bin/env python3
"""BELFRY_URL=http://127.0.0.1:8080/ BELFRY_KEY_FILE=ingest.key ./emit.py TYPE ['{"json":"data"}']"""
import json, os, sys, urllib.request, uuid

url = os.environ.get("BELFRY_URL", "http://127.0.0.1:8080/").rstrip("/") + "/api/events"
event = {"event": sys.argv[1], "source": "emit.py", "data": json.loads(sys.argv[2] if len(sys.argv) > 2 else "{}"),
         "event_id": str(uuid.uuid4())}  # so that sending it again stores nothing twice
headers = {"Content-Type": "application/json", "Authorization": "Bearer " + open(os.environ["BELFRY_KEY_FILE"]).read().strip()}
with urllib.request.urlopen(urllib.request.Request(url, json.dumps(event).encode(), headers), timeout=10) as answer:
    print(answer.read().decode())
