package sqlite

import (
	"context"
	"fmt"
	"math"

	"github.com/davadmin/davadmin/pkg/store"
)

var _ store.Checker = (*Store)(nil)

// Check implements store.Checker with PRAGMA quick_check, which reads every page of the file
// but does not compare the indexes with their tables.
func (s *Store) Check(ctx context.Context) error {
	return s.named(s.check(ctx))
}

func (s *Store) check(ctx context.Context) error {
	c, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer s.readers.give(c)
	c.use(ctx, math.MaxInt64) // a large file takes long; the caller limits the time
	defer c.rest()
	var found string
	if err := c.single(ctx, "PRAGMA quick_check(1)", &found); err != nil {
		return err
	}
	if found != "ok" {
		return fmt.Errorf("%w (quick_check: %s)", store.ErrDamaged, found)
	}
	return s.snapshot.check(s.o.Path)
}
