package servertest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
)

// splitLDIF writes the entries of a file to one file for each suffix, and returns the
// names of these files. slapadd accepts only the entries of one tree.
func (s *Server) splitLDIF(file string, suffixes []string) (files []string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("nothing to load: %w", err)
	}
	defer in.Close()
	out := make([]*bufio.Writer, len(suffixes))
	for i := range suffixes {
		f, err := os.Create(s.path(fmt.Sprintf("split%d.ldif", i)))
		if err != nil {
			return nil, fmt.Errorf("cannot split %s: %w", file, err)
		}
		defer f.Close()
		files, out[i] = append(files, f.Name()), bufio.NewWriter(f)
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	var dn string           // the part of the line with the DN that has been read
	var entry *bufio.Writer // where the entry goes, once its DN is known
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "":
			dn, entry = "", nil
		case entry != nil:
			fmt.Fprintln(entry, line)
		case dn == "" && strings.HasPrefix(line, "dn:"):
			dn = line
		case dn != "" && line[0] == ' ':
			dn += line[1:]
		case dn != "":
			suffix, err := suffixOf(dn, suffixes)
			if err != nil {
				return nil, fmt.Errorf("cannot split %s: %w", file, err)
			}
			entry = out[suffix]
			fmt.Fprintf(entry, "\n%s\n%s\n", dn, line)
		}
	}
	err = lines.Err()
	for _, w := range out {
		if flushErr := w.Flush(); err == nil {
			err = flushErr
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot split %s: %w", file, err)
	}
	return files, nil
}

// suffixOf returns the index of the suffix of the entry whose DN is in the given line.
func suffixOf(line string, suffixes []string) (int, error) {
	dn := strings.TrimPrefix(line, "dn:")
	if encoded, found := strings.CutPrefix(dn, ":"); found {
		text, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		if err != nil {
			return 0, fmt.Errorf("%q: %w", line, err)
		}
		dn = string(text)
	}
	dn = strings.ToLower(strings.TrimSpace(dn))
	for i, suffix := range suffixes {
		if above, found := strings.CutSuffix(dn, strings.ToLower(suffix)); found && (above == "" || strings.HasSuffix(above, ",")) {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%q is in none of the trees", line)
}
