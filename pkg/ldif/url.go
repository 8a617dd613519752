package ldif

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
)

// fromURL returns the value of name from the URL in s, if that is allowed.
func (p *parser) fromURL(name, s []byte) ([]byte, *RecordError) {
	at := string(bytes.Trim(s, " \t"))
	if !p.o.FileURLs {
		return nil, p.fault("the value of %s is at the URL %s, and URLs are not followed", quote(name), quote([]byte(at)))
	}
	open := p.o.OpenURL
	if open == nil {
		open = func(at string) ([]byte, error) { return readFileURL(at, p.o.MaxLine) }
	}
	v, err := open(at)
	if err != nil {
		bad := p.fault("cannot read the value of %s at %s", quote(name), quote([]byte(at)))
		bad.Err = err
		return nil, bad
	}
	if len(v) > p.o.MaxLine {
		return nil, p.fault("the value of %s at %s has more than %d bytes", quote(name), quote([]byte(at)), p.o.MaxLine)
	}
	if v == nil {
		v = []byte{}
	}
	return v, nil
}

// readFileURL reads the file that a file: URL names, at most most+1 bytes. Only
// regular files are allowed, because a device or a pipe may never end.
func readFileURL(at string, most int) ([]byte, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "file" || u.Host != "" && u.Host != "localhost" || u.Path == "" {
		return nil, errors.New("not a file: URL of this host")
	}
	info, err := os.Stat(u.Path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", u.Path)
	}
	f, err := os.Open(u.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(most)+1))
}
