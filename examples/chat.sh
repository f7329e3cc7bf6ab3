#!/bin/sh
# Signs up, makes a room, writes in it and reads its history, with curl alone.
set -eu
GATEWAY=${GATEWAY:-http://localhost:19091}
EMAIL=${EMAIL:-mina-$(date +%s)@example.com}
json='content-type: application/json'
value_of() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# An account, and from its session an access token that is good for 15 minutes.
SESSION=$(curl -sS --fail-with-body "$GATEWAY/auth/sign-up/email" -H "$json" \
  -d "{\"name\":\"Mina\",\"email\":\"$EMAIL\",\"password\":\"correct horse battery\"}" | value_of token)
TOKEN=$(curl -sS --fail-with-body "$GATEWAY/auth/token" -H "Authorization: Bearer $SESSION" | value_of token)

# A room, a message in it, and its history.
ROOM=$(curl -sS --fail-with-body "$GATEWAY/api/rooms" -H "Authorization: Bearer $TOKEN" -H "$json" \
  -d '{"name":"The porch","visibility":"public"}' | value_of roomId)
curl -sS --fail-with-body "$GATEWAY/api/rooms/$ROOM/messages" -H "Authorization: Bearer $TOKEN" -H "$json" \
  -d '{"content":"Come in, it is open"}'
echo
curl -sS --fail-with-body "$GATEWAY/api/rooms/$ROOM/messages" -H "Authorization: Bearer $TOKEN"
echo

echo "Now with STOMP: TOKEN=$TOKEN ROOM=$ROOM node examples/chat.mjs"
