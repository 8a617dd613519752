package configcmd

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/config"
)

// requests returns the requests of the options and the batch file. It reads value files
// and prompts for passwords.
func (o *configModify) requests(ctx context.Context, r *config.Registry) ([]config.Request, error) {
	if err := o.edits.Check(); err != nil {
		return nil, err
	}
	var out []config.Request
	for _, it := range o.edits.Items {
		q, err := o.request(ctx, r, it)
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	if o.batch != "" {
		lines, err := o.readBatch(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, lines...)
		if len(out) == 0 {
			return nil, fmt.Errorf("%s contains no parameters; nothing was changed", cmdutil.BatchName(o.batch))
		}
	}
	if len(out) == 0 {
		return nil, cmdutil.Usagef("nothing to change: use -o NAME -v VALUE, or -f FILE")
	}
	return out, nil
}

func (o *configModify) request(ctx context.Context, r *config.Registry, it editItem) (config.Request, error) {
	q := config.Request{Name: it.Name, Value: it.Value, Add: it.Add, Remove: it.Remove}
	_, known := r.Lookup(it.Name)
	secret := r.Secret(it.Name)
	switch it.Kind {
	case editMembers:
		q.Action = config.ActionMembers
	case editUnset:
		q.Action = config.ActionUnset
	case editFile:
		b, err := o.input.ReadValue(ctx, it.Value, secret)
		if err != nil {
			return q, fmt.Errorf("%s: value file: %w", it.Name, err)
		}
		q.Value = string(b)
	case editSet:
		if secret && it.Value != "" {
			return q, cmdutil.Usagef("%s is a password, and other users can see command lines: use --value-file FILE or -f -, or omit -v to be prompted", it.Name)
		}
	case editNone:
		if !secret {
			if !known {
				return q, unknownParameter(o.hints, r, it.Name)
			}
			return q, cmdutil.Usagef("%s: missing new value: use -v VALUE, --add, --remove or --default", it.Name)
		}
		value, err := o.input.AskSecret(ctx, it.Name)
		if err != nil {
			return q, err
		}
		q.Value = value
	}
	return q, nil
}

// readBatch reads the lines 'name=value' of the batch file, and checks the syntax of all.
func (o *configModify) readBatch(ctx context.Context, r *config.Registry) ([]config.Request, error) {
	var out []config.Request
	form := cmdutil.PairForm([]string{"name", "parameter"}, []string{"value"}, nil)
	err := o.input.EachBatchLine(ctx, o.batch, form, func(line, where string, info fs.FileInfo) error {
		q, given, err := parseBatchLine(line, where)
		if err != nil || !given {
			return err
		}
		if r.Secret(q.Name) && info != nil {
			if err := o.input.CheckPrivate(o.batch, info); err != nil {
				return err
			}
		}
		if err := config.CheckUnmasked(q.Value); err != nil {
			return cmdutil.Usagef("%s: %s: %v; nothing was changed", where, q.Name, err)
		}
		out = append(out, q)
		return nil
	})
	return out, err
}

// parseBatchLine parses a line of a batch file. Given is false for a blank line and a comment.
func parseBatchLine(line, where string) (q config.Request, given bool, err error) {
	name, value, given, err := cmdutil.ParseBatchPair(line, where, "name", "value")
	if err != nil || !given {
		return q, false, err
	}
	return config.Request{Name: name, Value: value, Where: where}, true, nil
}
