package datacmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/davadmin/davadmin/internal/calfile"
	"github.com/davadmin/davadmin/pkg/ical"
)

// faultyReader remembers why a text could not be read.
type faultyReader struct {
	r   io.Reader
	err error
}

func (f *faultyReader) Read(b []byte) (int, error) {
	n, err := f.r.Read(b)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

// errUnread is returned for a text whose file could not be read: whoever opened it reports why.
var errUnread = errors.New("the file could not be read")

// reader returns a reader of the calendars of a text. jCal becomes iCalendar, whose lines are
// not those of the file. The error is errUnread, or says what is wrong with the jCal.
func reader(ctx context.Context, t calfile.Text) (r *ical.Reader, source *faultyReader, lines bool, err error) {
	source = &faultyReader{r: t.Reader}
	if t.Form != calfile.JCal {
		return ical.NewReader(source, ical.Options{Lenient: true}), source, true, nil
	}
	text, err := io.ReadAll(io.LimitReader(source, maxJCal+1))
	switch {
	case ctx.Err() != nil:
		return nil, nil, false, ctx.Err()
	case err != nil:
		return nil, nil, false, errUnread
	case len(text) > maxJCal:
		return nil, nil, false, fmt.Errorf("the jCal text has more than %d bytes, so it was not read", maxJCal)
	}
	calendars, problems, err := parseJCal(text)
	if err != nil {
		for _, p := range problems {
			if p.Level == ical.Error {
				return nil, nil, false, errors.New(p.Text)
			}
		}
		return nil, nil, false, err
	}
	var b []byte
	for _, c := range calendars {
		b = c.AppendTo(b)
	}
	return ical.NewReader(bytes.NewReader(b), ical.Options{Lenient: true}), source, false, nil
}
