package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/cs6"
)

// listOptions name lists of who is on which server.
type listOptions struct {
	cs6, cs7 []string
}

func (o *listOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.cs6, "cs6-list", nil, "`FILE` with the people on the old server; may be repeated")
	f.StringArrayVar(&o.cs7, "cs7-list", nil, "`FILE` with the people on the new server; may be repeated")
}

// readPeople reads the lists of both servers; nil for a server of which none was
// named.
func (a *App) readPeople(ctx context.Context, o *listOptions) (on6, on7 *cs6.PeopleSet, err error) {
	if on6, err = a.readLists(ctx, "--cs6-list", o.cs6); err != nil {
		return nil, nil, err
	}
	on7, err = a.readLists(ctx, "--cs7-list", o.cs7)
	return on6, on7, err
}

// readLists reads lists of people. Each line of them must tell of somebody: a
// line that was passed over would be a person whom no rule looks for.
func (a *App) readLists(ctx context.Context, option string, paths []string) (*cs6.PeopleSet, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	set := cs6.NewPeopleSet(cs6.SetOptions{})
	for _, path := range paths {
		if err := a.readList(ctx, set, path); err != nil {
			return nil, fmt.Errorf("%s: %w", option, err)
		}
	}
	if set.Len() == 0 {
		return nil, usagef("%s: the list names nobody", option)
	}
	return set, nil
}

func (a *App) readList(ctx context.Context, set *cs6.PeopleSet, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	faults := 0
	var first error
	for p, err := range cs6.ReadPeople(f, cs6.PeopleOptions{Name: path}) {
		var line *cs6.LineError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &line):
			if faults++; first == nil {
				first = err
			}
			continue
		case err != nil:
			return err
		}
		if err := set.Add(p); err != nil {
			return err
		}
	}
	switch {
	case faults == 1:
		return first
	case faults > 1:
		return fmt.Errorf("%w; and %d more lines that are no person", first, faults-1)
	}
	return nil
}
