package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/config"
)

// appendLine appends a line to a file.
func appendLine(ctx context.Context, path, line string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if n := len(text); n > 0 && text[n-1] != '\n' {
		// Otherwise the new line would become part of the last line.
		text = append(text, '\n')
	}
	return fsx.Replace(ctx, path, append(text, line+"\n"...), fsx.ReplaceOptions{})
}

// removeOwner removes the calendars of an owner from a list, each with the indented
// lines that belong to it, and returns their number. There must be at least one,
// because the fix was made for it.
func removeOwner(ctx context.Context, path, owner string) (n int, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var kept strings.Builder
	removing := false
	for line := range strings.SplitAfterSeq(string(text), "\n") {
		if !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			if removing = isOwnedBy(line, owner); removing {
				n++
			}
		}
		if !removing {
			kept.WriteString(line)
		}
	}
	if n == 0 {
		return 0, errors.New("the list contains no calendar of that owner: " + path)
	}
	return n, fsx.Replace(ctx, path, []byte(kept.String()), fsx.ReplaceOptions{})
}

// isOwnedBy reports whether a line such as "calid: owner=OWNER status=enabled" is
// about a calendar of the owner. A user id without a domain belongs to the domain
// of the calendar id, as in davadmin.
func isOwnedBy(line, owner string) bool {
	fields := strings.Fields(line)
	for i, field := range fields {
		name, value, found := strings.Cut(strings.TrimRight(field, ",;"), "=")
		if i == 0 || !found || !strings.EqualFold(name, "owner") {
			continue
		}
		value = strings.Trim(value, `"`)
		user, _, _ := strings.Cut(fields[0], ":")
		if value == "" {
			value = user
		}
		_, domain, _ := strings.Cut(user, "@")
		return strings.EqualFold(value, owner) ||
			domain != "" && !strings.Contains(value, "@") && strings.EqualFold(value+"@"+domain, owner)
	}
	return false
}

// unquote returns the value of a shell word, with or without single quotes.
func unquote(word string) (string, bool) {
	const quote, escaped = "'", `'\''`
	inner, ok := strings.CutPrefix(word, quote)
	if !ok {
		return word, config.ShellWord(word) == word
	}
	inner, ok = strings.CutSuffix(inner, quote)
	inner = strings.ReplaceAll(inner, escaped, quote)
	return inner, ok && quote+strings.ReplaceAll(inner, quote, escaped)+quote == word
}
