// A client program on go-stomp over the WebSockets of coder/websocket; the token goes in the headers of the upgrade.
//
// Commands come on standard input and events go to standard output, a line of JSON each: see ../dialogue.ts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/go-stomp/stomp/v3"
	"github.com/go-stomp/stomp/v3/frame"
)

type command struct {
	Do          string            `json:"do"`
	URL         string            `json:"url"`
	Token       string            `json:"token"`
	Version     string            `json:"version"`
	Binary      bool              `json:"binary"`
	HeartBeatMs int               `json:"heartBeatMs"`
	ID          string            `json:"id"`
	Destination string            `json:"destination"`
	Ack         string            `json:"ack"`
	Headers     map[string]string `json:"headers"`
	Body        string            `json:"body"`
	Receipt     string            `json:"receipt"`
	Transaction string            `json:"transaction"`
	MessageID   string            `json:"messageId"`
}

type event map[string]any

// What one connection holds. Frames are sent by the goroutine that reads commands; messages come in others.
type client struct {
	conn          *stomp.Conn
	subscriptions map[string]*stomp.Subscription
	transactions  map[string]*stomp.Transaction
	lock          sync.Mutex
	messages      map[string]*stomp.Message
}

var telling sync.Mutex

func tell(e event) {
	telling.Lock()
	defer telling.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(e); err != nil {
		os.Exit(1)
	}
}

func main() {
	c := &client{
		subscriptions: map[string]*stomp.Subscription{},
		transactions:  map[string]*stomp.Transaction{},
		messages:      map[string]*stomp.Message{},
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		var next command
		if err == nil {
			err = json.Unmarshal(line, &next)
		}
		if err == nil {
			err = c.obey(next)
		}
		if err != nil {
			end(err)
		}
	}
}

func (c *client) obey(next command) error {
	switch next.Do {
	case "connect":
		return c.connect(next)
	case "subscribe":
		return c.subscribe(next)
	case "unsubscribe":
		// The library gives it a receipt of its own, and waits for that.
		return receipted(next.Receipt, c.subscriptions[next.ID].Unsubscribe())
	case "send":
		return c.send(next)
	case "ack":
		c.lock.Lock()
		message := c.messages[next.MessageID]
		c.lock.Unlock()
		return c.conn.Ack(message)
	case "begin":
		transaction, err := c.conn.BeginWithError()
		c.transactions[next.Transaction] = transaction
		return err
	case "commit":
		return receipted(next.Receipt, c.transactions[next.Transaction].CommitWithReceipt())
	case "disconnect":
		if err := c.conn.Disconnect(); err != nil {
			return err
		}
		tell(event{"event": "closed"})
		os.Exit(0)
	}
	return fmt.Errorf("unknown command %q", next.Do)
}

func (c *client) connect(next command) error {
	ctx := context.Background()
	socket, _, err := websocket.Dial(ctx, next.URL, &websocket.DialOptions{
		HTTPHeader:   http.Header{"Authorization": {"Bearer " + next.Token}},
		Subprotocols: []string{"v" + strings.ReplaceAll(next.Version, ".", "") + ".stomp"},
	})
	if err != nil {
		return err
	}
	beat := time.Duration(next.HeartBeatMs) * time.Millisecond
	options := []func(*stomp.Conn) error{
		stomp.ConnOpt.AcceptVersion(stomp.Version(next.Version)),
		stomp.ConnOpt.HeartBeat(beat, beat),
		stomp.ConnOpt.ResponseHeaders(func(headers *frame.Header) {
			tell(event{"event": "connected", "headers": flat(headers)})
		}),
	}
	var stream io.ReadWriteCloser
	if next.Binary {
		stream = &pieces{socket: socket}
	} else {
		// A buffer that holds a frame makes each frame one message; in pieces it would not be valid text.
		const wholeFrame = 64 * 1024
		options = append(options, stomp.ConnOpt.ReadBufferSize(wholeFrame), stomp.ConnOpt.WriteBufferSize(wholeFrame))
		stream = websocket.NetConn(ctx, socket, websocket.MessageText)
	}
	c.conn, err = stomp.Connect(stream, options...)
	return err
}

func (c *client) subscribe(next command) error {
	options := []func(*frame.Frame) error{stomp.SubscribeOpt.Id(next.ID)}
	for name, value := range next.Headers {
		options = append(options, stomp.SubscribeOpt.Header(name, value))
	}
	modes := map[string]stomp.AckMode{
		"auto": stomp.AckAuto, "client": stomp.AckClient, "client-individual": stomp.AckClientIndividual,
	}
	subscription, err := c.conn.Subscribe(next.Destination, modes[next.Ack], options...)
	if err != nil {
		return err
	}
	c.subscriptions[next.ID] = subscription
	go c.hear(subscription)
	return nil
}

func (c *client) hear(subscription *stomp.Subscription) {
	for message := range subscription.C {
		if message.Err != nil {
			end(message.Err)
		}
		c.lock.Lock()
		c.messages[message.Header.Get(frame.MessageId)] = message
		c.lock.Unlock()
		tell(event{"event": "message", "headers": flat(message.Header), "body": string(message.Body)})
	}
}

func (c *client) send(next command) error {
	const json = "application/json"
	if next.Transaction != "" {
		return c.transactions[next.Transaction].Send(next.Destination, json, []byte(next.Body))
	}
	if next.Receipt == "" {
		return c.conn.Send(next.Destination, json, []byte(next.Body))
	}
	return receipted(next.Receipt, c.conn.Send(next.Destination, json, []byte(next.Body), stomp.SendOpt.Receipt))
}

// The library waits for a receipt with an id of its own, and keeps its headers to itself.
func receipted(id string, err error) error {
	if err == nil {
		tell(event{"event": "receipt", "id": id, "headers": map[string]string{}})
	}
	return err
}

// Ends the program with what ended the connection: an ERROR frame is told of, anything else is a fault.
func end(err error) {
	var asPointer *stomp.Error
	var asValue stomp.Error
	if errors.As(err, &asPointer) {
		asValue = *asPointer
	} else {
		errors.As(err, &asValue)
	}
	if asValue.Frame == nil || asValue.Frame.Command != frame.ERROR {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	tell(event{"event": "error", "headers": flat(asValue.Frame.Header), "body": string(asValue.Frame.Body)})
	tell(event{"event": "closed"})
	os.Exit(0)
}

// The first of a repeated header counts.
func flat(header *frame.Header) map[string]string {
	all := map[string]string{}
	for i := 0; i < header.Len(); i++ {
		name, _ := header.GetAt(i)
		all[name] = header.Get(name)
	}
	return all
}

// A stream over a WebSocket as a program without NetConn writes it: whatever the library's buffer of 4 KiB flushes is a
// binary message, so that a large frame comes in pieces that end within a character.
type pieces struct {
	socket  *websocket.Conn
	message io.Reader
}

func (p *pieces) Write(octets []byte) (int, error) {
	return len(octets), p.socket.Write(context.Background(), websocket.MessageBinary, octets)
}

func (p *pieces) Read(octets []byte) (int, error) {
	for {
		if p.message == nil {
			_, message, err := p.socket.Reader(context.Background())
			if err != nil {
				return 0, err
			}
			p.message = message
		}
		count, err := p.message.Read(octets)
		if errors.Is(err, io.EOF) {
			p.message, err = nil, nil
		}
		if count > 0 || err != nil {
			return count, err
		}
	}
}

func (p *pieces) Close() error {
	return p.socket.Close(websocket.StatusNormalClosure, "")
}
