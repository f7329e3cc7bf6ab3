module maru/e2e/interop

go 1.19

require (
	github.com/coder/websocket v1.8.13
	github.com/go-stomp/stomp/v3 v3.1.5
)
