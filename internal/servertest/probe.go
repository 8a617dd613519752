package servertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// loopback is the address on which servers listen.
const loopback = "127.0.0.1"

// freePorts returns n different TCP ports that are free. Another program may take one
// a moment later.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, "0"))
		if err != nil {
			return nil, fmt.Errorf("cannot find a free port: %w", err)
		}
		defer func() { _ = l.Close() }() // only at the end, or the next port may be the same
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// isFree reports whether a port is free.
func isFree(port int) bool {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

func address(port int) string { return fmt.Sprintf("%s:%d", loopback, port) }

// ready waits until the server answers, on its socket and on its port: on the port
// alone, another server might answer.
func (p *process) ready(ctx context.Context, socket string, port int) error {
	const patience = time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := readRootEntry(ctx, "unix", socket)
		if err == nil {
			err = readRootEntry(ctx, "tcp", address(port))
		}
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return p.end()
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w: %w", ctx.Err(), err)
		case <-tick.C:
		}
	}
}

// rootEntryRequest is a search for the root entry without attributes (RFC 4511, section
// 4.5.1), which needs no bind.
const rootEntryRequest = "\x30\x2a\x02\x01\x01" + // message 1
	"\x63\x25\x04\x00\x0a\x01\x00\x0a\x01\x00" + // search, base "", scope base, aliases never
	"\x02\x01\x00\x02\x01\x00\x01\x01\x00" + // no limits, types and values
	"\x87\x0bobjectClass\x30\x05\x04\x031.1" // filter present, attribute 1.1

// readRootEntry reads the root entry of the server at an address.
func readRootEntry(ctx context.Context, network, address string) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, rootEntryRequest); err != nil {
		return err
	}
	return expectEntry(bufio.NewReader(c))
}

// expectEntry reads the beginning of a message, and returns an error if it is not an
// entry that a search found.
func expectEntry(in *bufio.Reader) error {
	const entry = 0x64
	head, err := in.Peek(2)
	if err != nil {
		return err
	}
	length := 2
	if head[1]&0x80 != 0 {
		length += int(head[1] & 0x7f) // a length of several bytes
	}
	head, err = in.Peek(length + 4) // plus the message number and the type of the answer
	if err != nil {
		return err
	}
	if head[0] != 0x30 || head[length+3] != entry {
		return errors.New("the answer is not an entry")
	}
	return nil
}
