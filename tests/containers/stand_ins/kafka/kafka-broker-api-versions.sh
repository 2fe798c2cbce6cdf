#!/bin/sh
# As Kafka's own program of this name: status 0 when the broker at --bootstrap-server answers.
exec python3 -c '
import asyncio, sys
sys.path.insert(0, "/opt/kafka/bin")
from kafka_probe import answers
host, _, port = sys.argv[2].rpartition(":")
sys.exit(not asyncio.run(asyncio.wait_for(answers(host, int(port)), 5)))
' "$@"
