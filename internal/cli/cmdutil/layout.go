package cmdutil

import (
	"context"
	"slices"
	"strings"
)

// Messages returns the exit code for the error of a run and its messages, each with the
// lines that follow it. An error that joins others has a message for each of them.
func (h *Hints) Messages(ctx context.Context, err error) (code int, messages [][]string) {
	code, _ = h.ExitOf(ctx, err)
	for _, part := range parts(err) {
		_, text := h.ExitOf(ctx, part)
		if text == "" || slices.ContainsFunc(messages, func(m []string) bool { return m[0] == text }) {
			continue
		}
		messages = append(messages, append([]string{text}, moreLines(part)...))
	}
	return code, messages
}

// moreLines returns the lines that follow the message of an error.
func moreLines(err error) []string {
	var usage *UsageError
	var incomplete *IncompleteError
	switch {
	case AsError(err, &usage):
		return usage.More
	case AsError(err, &incomplete):
		return incomplete.More
	}
	return nil
}

// joined returns the errors that errors.Join joined, or nil for another error.
func joined(err error) []error {
	j, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	list := j.Unwrap()
	texts := make([]string, len(list))
	for i, e := range list {
		texts[i] = e.Error()
	}
	if strings.Join(texts, "\n") != err.Error() {
		return nil
	}
	return list
}

// parts returns the errors that err joins, or err.
func parts(err error) []error {
	list := joined(err)
	if list == nil {
		return []error{err}
	}
	var out []error
	for _, e := range list {
		out = append(out, parts(e)...)
	}
	return out
}

// onOneLine returns the text of a message with semicolons between the errors that are joined
// anywhere in err.
func onOneLine(text string, err error) string {
	if err == nil || !strings.Contains(text, "\n") {
		return text
	}
	if list := parts(err); len(list) > 1 {
		texts := make([]string, len(list))
		for i, e := range list {
			texts[i] = onOneLine(e.Error(), e)
		}
		return strings.ReplaceAll(text, err.Error(), strings.Join(texts, "; "))
	}
	switch e := err.(type) { //nolint:errorlint // every part of the tree is looked at
	case interface{ Unwrap() error }:
		return onOneLine(text, e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			text = onOneLine(text, part)
		}
	}
	return text
}
