package directory

import (
	"context"
	"errors"
	"strings"
)

// errLimit ends the reading of Find.
var errLimit = errors.New("the limit is reached")

// Find returns the entries that a query selects, at most limit of them, and the
// number of problems that the source met: the entry looked for may be among those.
// The attributes of an entry have the names of the query, and include the values
// with options. Find is for small results, which it keeps in memory. The error is
// the one of the source.
func Find(ctx context.Context, src Source, q Query, limit int) (found []Found, problems int, err error) {
	err = Read(ctx, src, q, Handlers{
		Entry: func(e *Entry) error {
			if e.Kind == Other {
				return nil
			}
			f := Found{DN: string(e.DN), Attrs: map[string][]string{}}
			for _, v := range e.Values {
				name := strings.ToLower(q.Attributes[v.Attr])
				f.Attrs[name] = append(f.Attrs[name], string(v.Data))
			}
			if found = append(found, f); len(found) == limit {
				return errLimit
			}
			return nil
		},
		Problem: func(*Problem) error {
			problems++
			return nil
		},
		Restart: func(*RestartError) error {
			found, problems = found[:0], 0
			return nil
		},
	})
	if err != nil && !errors.Is(err, errLimit) {
		return nil, problems, err
	}
	return found, problems, nil
}
