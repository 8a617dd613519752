package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// readEntries reads a directory from LDIF. A change record is an error, so that either
// the whole file is served or nothing.
func readEntries(ctx context.Context, path string) ([]ldaptest.Entry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []ldaptest.Entry
	r := ldif.NewReader(f, ldif.Options{Name: path})
	for ctx.Err() == nil {
		record, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		case record.Kind != ldif.KindContent:
			return nil, fmt.Errorf("%s: line %d: a change (changetype: %s), not an entry", path, record.Line, record.Kind)
		}
		out = append(out, entry(record))
	}
	return nil, context.Cause(ctx)
}

// entry converts a record, with all values of an attribute in one place.
func entry(record *ldif.Record) ldaptest.Entry {
	e := ldaptest.Entry{DN: string(record.DN)}
	at := map[string]int{}
	for _, a := range record.Attributes {
		name := string(a.Name)
		if len(a.Options) > 0 {
			name += ";" + string(a.Options)
		}
		key := strings.ToLower(name)
		i, ok := at[key]
		if !ok {
			i = len(e.Attrs)
			at[key] = i
			e.Attrs = append(e.Attrs, ldaptest.Attr{Name: name})
		}
		e.Attrs[i].Values = append(e.Attrs[i].Values, string(a.Value))
	}
	return e
}

// writeEntries writes a directory as LDIF.
func writeEntries(out io.Writer, entries []ldaptest.Entry) error {
	w := ldif.NewWriter(out)
	for _, e := range entries {
		attrs := make([]ldif.WriteAttribute, len(e.Attrs))
		for i, a := range e.Attrs {
			attrs[i].Name = a.Name
			for _, v := range a.Values {
				attrs[i].Values = append(attrs[i].Values, []byte(v))
			}
		}
		if err := w.Entry(e.DN, attrs); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeFile writes a file under a temporary name and renames it, so that a process
// that waits for the file never sees a part of it.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", path, err), os.Remove(f.Name()))
	}
	return nil
}
