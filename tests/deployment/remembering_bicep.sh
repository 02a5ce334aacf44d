#!/bin/sh
# The Bicep compiler, asked once: the same question about the same files gets the answer that it gave before.
# REMEMBERED is a folder, REAL_BICEP the compiler, INFRA what it reads.
key=$( (echo "$@" "$ALERT_EMAIL" "$LOCATION" "$OPERATORS_ID" "$OPERATORS_TYPE"; cat "$INFRA"/*.bicep* "$INFRA"/*/*.bicep*) | sha256sum | cut -c1-32)
kept="$REMEMBERED/$key"
if [ ! -f "$kept.code" ]; then
  "$REAL_BICEP" "$@" >"$kept.out" 2>"$kept.err"
  echo $? >"$kept.code"
fi
cat "$kept.out"
cat "$kept.err" >&2
exit "$(cat "$kept.code")"
