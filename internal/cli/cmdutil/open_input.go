package cmdutil

import (
	"bytes"
	"context"
	"io"
	"os"
	"time"

	"github.com/davadmin/davadmin/internal/ui"
)

// OpenInput opens a file that the user named for reading. It can be a pipe or a device: then
// neither opening nor reading outlasts ctx, whose cause is the error.
func OpenInput(ctx context.Context, path string) (io.ReadCloser, error) {
	f, err := ui.Interruptible(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, err
	}
	return &input{ctx: ctx, f: f}, nil
}

// input reads from a file until ctx ends.
type input struct {
	ctx  context.Context
	f    *os.File
	left bool // a read was left behind and may still be using the file
}

func (in *input) Read(b []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	read, err := ui.Interruptible(in.ctx, func() (*bytes.Buffer, error) {
		own := make([]byte, len(b)) // b belongs to the caller again once ctx has ended
		n, err := in.f.Read(own)
		return bytes.NewBuffer(own[:n]), err
	})
	in.left = in.ctx.Err() != nil
	if read == nil {
		return 0, err
	}
	return copy(b, read.Bytes()), err
}

// Close closes the file, unless a read was left behind, which ends with the process.
func (in *input) Close() error {
	if in.left {
		return nil
	}
	return in.f.Close()
}

// Finishing returns a context for what has to be done at the end of a run, even of one that
// was stopped: it ends half a second after ctx. So a file is still written, but a pipe
// without a reader is not waited for.
func Finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	const grace = 500 * time.Millisecond
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			cancel(context.Cause(ctx))
		case <-late.Done():
		}
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}
