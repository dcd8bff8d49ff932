#!/bin/sh
# The step that all the pipelines here run: it fails when a criterion does.
#
#   TARGET=http://127.0.0.1:8080 load-test.sh SCENARIO [OPTION...]
#
# Beside its exit code it leaves junit.xml (the criteria as tests), report.html
# and results.json.
set -eu
: "${TARGET:?the system under test}"
scenario=$1
shift
exec swarm -f "$scenario" --headless -H "$TARGET" \
	-u "${USERS:-20}" -r "${SPAWN_RATE:-10}" -t "${RUN_TIME:-30s}" \
	--fail-if "${LATENCY:-p95>300ms}" --fail-if 'errors>1%' \
	--junit junit.xml --html report.html --json-file results.json \
	--report-md summary.md "$@"
