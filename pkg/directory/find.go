package directory

import (
	"context"
	"errors"
	"strings"
)

// Find returns the entries that a query selects, at most limit of them, with
// the attributes of its names, values of options included, and how many problems
// the source met: what was looked for may be among those. It is for small
// answers, which it keeps in memory. The error is that of the source.
func Find(ctx context.Context, src Source, q Query, limit int) (found []Found, problems int, err error) {
	for e, err := range src.Entries(ctx, q) {
		var p *Problem
		var again *RestartError
		switch {
		case errors.As(err, &again):
			found, problems = found[:0], 0
			continue
		case errors.As(err, &p):
			problems++
			continue
		case err != nil:
			return nil, problems, err
		case e.Kind == Other:
			continue
		}
		f := Found{DN: string(e.DN), Attrs: map[string][]string{}}
		for _, v := range e.Values {
			name := strings.ToLower(q.Attributes[v.Attr])
			f.Attrs[name] = append(f.Attrs[name], string(v.Data))
		}
		if found = append(found, f); len(found) == limit {
			break
		}
	}
	return found, problems, nil
}
